"""What it remembers. Knows agent/ and hermes_home/, not skills/ and not gateway/.

database    state.db: schema, migrations, the one connection
journal     the append-only record of events
queues      inbox and outbox rows
index       index.db: views and search, computed from the journal
views       sessions, usage and learned changes as tables of index.db
search      full-text search over what was said and done
notes       MEMORY.md and USER.md
trajectory  a session as steps, and its export formats
redaction   secrets taken out of whatever leaves
tools       memory and session_search, as the model sees them
"""
