"""What it remembers. Knows agent/ and hermes_home/, not skills/ and not gateway/.

database       state.db: the one connection that writes it
migrations     its schema, step by step
backup         a copy of it while it is in use
commits        group commit: one transaction for each turn of the event loop
faults         SQLite's errors, told with the next step
journal        the append-only record of events
subscriptions  views that follow it as it grows
queues         what came in: the inbox
outbox         what is to be seen somewhere, and what became of it
arrivals       what channels heard, each event once
occurrences    what became of each due time of each job
old_occurrences  which of these rows are kept, and for how long
chats          which session is talked to where
grants         who may speak, and the codes that let people in
index          index.db: views and search, computed from the journal
index_file     the same on disk: opened, followed, mended
views          sessions, usage and learned changes as tables of index.db
listings       sessions and changes as lists
purge          what is forgotten, found in state.db and overwritten
usage          what a day or a session cost
search         full-text search over what was said and done
words          text and queries as the search index takes them
trajectory     a session as steps
export         its forms for people and trainers
llamafactory   ... the one with strictly alternating turns
escaping       texts that stand among the marks of such a form
redaction      secrets taken out of whatever leaves
tools          memory and session_search, as the model sees them
outcomes/      what runs came to, and what skills were worth
notes/         MEMORY.md and USER.md
"""
