"""Every way in; wires everything together.

app        builds the parts from the settings: the tables of providers, tools, sandboxes
daemon     the process that owns a home: lock, start, resume, stop
router     from an input to its session's worker
worker     one per session: runs the loop, stores every event before it is shown
peers      who is at the other end of the socket
api/       HTTP over the Unix socket
cli/       the hermes command, one file per group
demo       two tasks of one kind, offline, and what was measured
demo_task  the files and the goal of the demo, made anew for each seed
reports    what the doors tell about the parts
commands   slash commands
models     which provider and model a run speaks to
load       opens what a table names
"""
