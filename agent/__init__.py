"""The core: inputs in, events out. Knows nobody above it.

messages      what a model sees
inputs        what comes in
events        the facts a run reports
conversation  a session's state, folded from its events
context       what one run needs, passed by hand
prompt        the system prompt and the tail, from named sections
loop          run(context, inbox, emit)
checkpoint    the self-evaluation after every 15 tool calls
learning      the one door for everything learned
ledger        which changes stand, and what the owner has refused
change_files  the files of a change: written all or none
origin        which words came from untrusted text
compaction    making a long conversation shorter
policy        the one gate before every effect
secret_files  which files are known to hold secrets
meter         what was spent today, and the cap
providers/    adapters to model APIs
tools/        what the model can call
sandbox/      where commands run
web/          fetching, reading and searching the web
"""
