"""The road between a channel and a session, both ways.

pump         from what a channel heard to what is said in a session
principals   who is speaking
control      /stop, /status and buttons from chats, which wait for nothing
decisions    the owner's word on what waits for him, and what came of it
attachments  files people send
postings     what of a run is to be seen where
delivery     sends what the outbox holds
sending      the tool that sends a file to a chat
live         answers as they are written, and the status line
chat_view    the same for one run in one chat
"""
