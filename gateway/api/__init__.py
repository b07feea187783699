"""HTTP over the Unix socket: the same doors for the terminal, scripts and later the dashboard.

server    the application and its socket
problems  errors as RFC 9457 documents
sessions  sessions, inputs, commands
stream    a session's events as server-sent events
learned   what was learned, skills, notes
about     health, status, settings, stopping
"""
