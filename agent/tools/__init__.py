"""What the model can call.

base     what a tool, its context and its result are
schema   a tool from a function: its schema and the check of its arguments
toolbox  a session's tools; the place where long output is cut
output   cleaning and cutting what a tool printed
shell    commands, in the foreground and the background
process  a command that goes on while the model does something else
files    reading, writing and patching files
opened   opening exactly the file that was judged
search   searching names and contents
finder   the search itself, run in the sandbox (a program)
web      reading and searching the web
todo     the list of what is to be done
ask      a question to the user
"""
