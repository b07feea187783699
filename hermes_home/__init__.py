"""The ground: where files live, what the settings are. Knows nobody above it.

version      which version this is
errors       one tree of exceptions; each class says who reads it
paths        the places of a home
settings     config.yaml: what can be set, read strictly (channel_settings: of the channels)
schema       how a settings class is filled, and how mistakes are told
rules        what a value must be like, beyond its type
yaml_text    a settings file as a tree that knows its lines
explain      what a setting is, where its value comes from, what it means
config_edit  one key set, every other line kept
secrets      .env and the environment; values are never shown
guard        which folder is the home; foreign ones are left alone; a new one is seeded
mounts       network file systems, where no home can be
files        whole files written atomically
replace      a file replaced only if it still holds what was read
tracked      which files have a history
history      every batch of changes one commit
rewriting    the same without certain words
commits      commits as text
git          git's command on our repository, without the user's settings
profiles     homes beside each other
archive      a home as one file, written whole or not at all
unpacking    ... read only as far as it can be trusted
restore      such a file into a fresh home, all or nothing
placing      ... completed by whoever starts next
watcher      one watchdog observer for edits by hand
leaving_out  imports without what they would only like to have
seed/        what a new home starts with
"""
