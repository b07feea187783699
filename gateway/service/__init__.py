"""The daemon as a service of the user's own service manager.

place     which service is a home's, and where its file lies
notify    what the daemon tells the manager while it runs
systemd   the unit of a Linux user manager
launchd   the agent of macOS
manager   the one of them that works here
"""
