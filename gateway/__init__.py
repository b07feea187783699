"""Every way in; wires everything together.

app        builds the parts from the settings: the tables of providers, tools, sandboxes
daemon     the process that owns a home: lock, start, resume, stop
router     from an input to its session's worker
worker     one per session: runs the loop, stores every event before it is shown
framing    what rides with a person's words into a session
peers      who is at the other end of the socket
serving    the server below every HTTP door
api/       HTTP over the Unix socket
cli/       the hermes command, one file per group
service/   the daemon as a service of systemd or launchd
moving/    backups, and what comes from another program's home
cron/      recurring work: schedules, the ledger, runs, results
recurring  the way to it, imported when a home has jobs
demo       two tasks of one kind, offline, and what was measured
demo_task  the files and the goal of the demo, made anew for each seed
reports    what the doors tell about the parts
commands   slash commands; slash: one use of one
models     which provider and model a run speaks to
web        the way to the web, and the table of search engines
load       opens what a table names
sharing/   skills between homes: fetched, looked at, installed, renewed, published
learning/  what was learned, for people: shown, decided, forgotten; upkeep, trials
chats/     the road between a channel and a session, both ways
"""
