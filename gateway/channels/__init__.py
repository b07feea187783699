"""Messaging platforms, and what is the same for all of them.

base    what a channel is: places, what comes in, what goes out, errors
table   every channel by name
hub     every channel that is switched on; what they share: places, out, health
startup  what is told after a crash or an update
supervisor  keeps one channel connected, and knows how it is
loopback  programs of one's own, over HTTP
guides  what a person needs to set each up
listener  a small HTTP door for channels that are called
telegram  Telegram (telegram_login, _api: calls and errors, _updates: what people did, _webhook)
matrix  Matrix (matrix_login: what it needs, _events: what people did, _token, _errors)
email   e-mail (email_identity: who is believed, _automatic: what is never answered, _read, _text,
        _headers: mail in, _compose: mail out, _imap, _smtp: the servers, _memory: what it keeps)
webhook  programs that post signed messages, and are posted the answers
render  a reply as messages, and a message as each platform wants it (render_parse: the tree,
        _split: blocks, _inline: paragraphs, _cut: packing, _write: Markdown again, _text, _html,
        _table: the targets)
"""
