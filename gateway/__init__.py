"""Every way in; wires everything together.

app        builds the parts from the settings: the tables of providers, tools, sandboxes
daemon     the process that owns a home: lock, start, resume, stop
router     from an input to its session's worker
worker     one per session: runs the loop, stores every event before it is shown
framing    what rides with a person's words into a session
pump       from what a channel heard to what is said in a session
principals who is speaking
control    /stop, /status and buttons from chats, which wait for nothing
decisions  the owner's word on what waits for him, and what came of it
attachments files people send
postings   what of a run is to be seen where
delivery   sends what the outbox holds
sending    the tool that sends a file to a chat
live       answers as they are written, and the status line
chat_view  the same for one run in one chat
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
noted      what they tell of the notes
learned    what they tell of learned changes
change_text the same as text for people
announcing one line when something was learned
deciding   the owner's word on a learned change
forgetting what he wants forgotten: out of the views, off the disk
proof      what they tell of evidence and progress
trials     cases of the past replayed with a skill and without it
trial      one such trial; trying: what the doors tell of it
copies     workspaces copied for trials
judging    /good and /bad
settling   carries out what the end of a run decides about its notes
commands   slash commands
models     which provider and model a run speaks to
web        the way to the web, and the table of search engines
load       opens what a table names
"""
