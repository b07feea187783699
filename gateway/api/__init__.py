"""HTTP: the same doors for the terminal, scripts, OpenAI's clients and later the dashboard.

server            the application, its routes, the server behind each socket
tcp, guard, token the TCP port: off by default, and what stands before the doors there
doors, openapi    a route that says what it takes and gives; the document read off the routes
bodies            reading a request within bounds
problems          errors as RFC 9457 documents, and as OpenAI's clients read them
sessions          sessions, inputs, commands
stream            a session's events as server-sent events
learned           what was learned, skills, notes
sharing           skills of others: sources, installing, publishing
upkeep, trials    the curator and the owner's rights; a skill tried on stored cases
pairing           codes that let people in, and who was let in
moving            a snapshot for a backup, and what comes from another program's home
cron              jobs, what became of their due times, the inbox
about             health, status, settings, stopping
openai            what the two doors for OpenAI's clients share
openai_chat, openai_responses   those doors
history           what a caller says was said earlier, as plain text
telling           an answer, folded from the events of its run
"""
