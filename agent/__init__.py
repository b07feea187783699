"""The core: inputs in, events out. Knows nobody above it.

messages      what a model sees
inputs        what comes in
events        the facts a run reports
conversation  a session's state, folded from its events
folding       what each event changes in it (folding_learning: those of learning)
state         what it is made of: calls, a self-evaluation, a run
context       what one run needs, passed by hand
prompt        the system prompt and the tail, from named sections
loop          run(context, inbox, emit)
attention     working while listening for a stop
checkpoint    the self-evaluation after every 15 tool calls (checkpoint_text: what asks for it)
procedures    the commands a text names, and what carries them out
checks        which commands are checks of the work
characters    what a reader cannot see but a model can
compaction    making a long conversation shorter
policy        the one gate before every effect
trial_policy  the gate of a trial, which lets nothing out
secret_files  which files are known to hold secrets
meter         what was spent today, and the cap
purse         the same for one thing, with a cap of its own
pairs         what measurements in pairs say
providers/    adapters to model APIs
tools/        what the model can call
sandbox/      where commands run
web/          fetching, reading and searching the web
learning/     the one door for everything learned, and what it judges by
"""
