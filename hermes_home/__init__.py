"""The ground: where files live, what the settings are. Knows nobody above it.

version    which version this is
errors     one tree of exceptions; each class says who reads it
paths      the places of a home
settings   config.yaml and .env: a strict schema, explained
guard      foreign homes and network file systems are recognised and left alone
history    the home's git history: atomic writes, commits with trailers
watcher    one watchdog observer for hand edits
seed/      what a new home starts with
"""
