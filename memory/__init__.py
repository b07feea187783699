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
run_tables     finished runs, their skills and kinds of task, likewise
listings       sessions and changes as lists
sources        where a learned change came from
purge          what is forgotten, found in state.db and overwritten
usage          what a day or a session cost
facts          what a run comes to, folded from its events
recovery       which calls were no use, which errors were got over
outcome        success, partial, failure or unknown, and why
reward         the same as a number in five parts
task_kinds     which runs were for the same kind of task
evidence       what each skill was worth
cases          what a skill can be tried on
search         full-text search over what was said and done
words          text and queries as the search index takes them
notes          MEMORY.md and USER.md
entries        a notes file as entries; merging a save by hand
versions       which version a save by hand began at
operations     what is asked of the notes, checked as a whole
scope          where an entry holds, and until when
known          what the notes say already, and what a new entry supersedes
claims         which claims are the same, and which contradict each other
wording        a claim as the words it is compared by
lexicon        the tables of words for that
settling       what becomes of notes when it is known how their run came out
echo           what a session was only reminded of
recall         which notes a prompt gets, and a search finds
trajectory     a session as steps
export         its forms for people and trainers
redaction      secrets taken out of whatever leaves
tools          memory and session_search, as the model sees them
"""
