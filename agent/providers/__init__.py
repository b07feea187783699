"""Adapters to model APIs, siblings of one shape: a request in, a reply out.

base         what a provider is
openai_chat  every endpoint that speaks OpenAI's chat completions
offline/     the built-in model, without network or key
scripted     replies told beforehand, for tests and the demo
endpoints    known addresses
discovery    which servers run on this machine, what an endpoint serves
round_trip   trying a model with one tool call before it is saved
windows      how many tokens a server really reads
chat_wire    our messages as request bytes
chat_reply   chunks as a reply
chat_calls   pieces of tool calls as calls
chat_json    JSON as servers send it
thinking     reasoning inside the text, kept apart
faults       what a refusal means
waits        how long a server asks to wait
retry        trying again
sse          server-sent events
web          all HTTP
"""
