"""The hermes command: a thin client of the daemon.

entry        from a command line to the function that runs it
table        every command, once
command      what a command is, and flags that several take
arguments    from words to options
home         which home
wire         HTTP over the Unix socket
start        a daemon that answers, started if need be
talk         one session: post inputs, follow events across restarts
oneshot      hermes -z
chat         hermes: which session, which kind of screen
view         events as lines
phase        what is going on, in one line
plain        a conversation without a terminal
terminal     a conversation in one: inputs and events side by side
screen       the prompt, and output above it
away         what jobs told while no terminal was there
bars         plots of a few characters
picture      the same as a PNG
narrator     a demo, told as it happens
output       tables, colour, JSON
channel_answers  what a channel needs: asked, tried, saved
sharing_told     skills of others, as text for people
and one file per command group.
"""
