"""Where commands run.

base         what a sandbox and a running command are
choose       which sandbox works on this machine, and opening one
places       what a sandbox shows, hides and lets write
bubblewrap   the first choice: own namespaces and mounts
landlock     the second: the kernel's own access rules
unconfined   the sibling that runs commands as they are
served       what all three share: one server process per session
command      one running command, as the daemon sees it
environment  what a command finds in its environment
seccomp      the filter that decides which sockets a command may make
descent      whether a process was started by a tool
inside       the server that runs in the sandbox (a program)
confine      puts itself under Landlock, then becomes another program (a program)
"""
