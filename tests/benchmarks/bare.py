"""The least an agent can be, as a floor: a socket, JSON, and a shell or a file.

usage: MODEL_URL=http://127.0.0.1:PORT/v1 python -I -S bare.py TEXT
"""

import json
import os
import socket
import sys

TOOLS = [{"type": "function", "function": {"name": name}} for name in ("shell", "read_file")]


def ask(link, messages):
    body = json.dumps({"model": "bare", "messages": messages, "tools": TOOLS}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    link.sendall(head + body)
    with link.makefile("rb") as reply:
        length = 0
        while (line := reply.readline()) != b"\r\n":
            if line.startswith(b"Content-Length:"):
                length = int(line[15:])
        return json.loads(reply.read(length))["choices"][0]["message"]


def carry_out(call):
    arguments = json.loads(call["function"]["arguments"])
    if "path" in arguments:
        file = os.open(arguments["path"], os.O_RDONLY)
        child = 0
    else:
        file, end = os.pipe()
        command = ["sh", "-c", arguments["command"]]
        actions = [(os.POSIX_SPAWN_DUP2, end, 1)]
        child = os.posix_spawn("/bin/sh", command, os.environ, file_actions=actions)
        os.close(end)
    with open(file) as output:  # noqa: PTH123 - a descriptor
        text = output.read()
    if child:
        os.waitpid(child, 0)
    return text


def main(url, text):
    port = int(url.removesuffix("/v1").rpartition(":")[2])
    messages = [{"role": "user", "content": text}]
    with socket.create_connection(("127.0.0.1", port)) as link:
        while True:
            message = ask(link, messages)
            messages.append(message)
            if not message.get("tool_calls"):
                return message["content"]
            for call in message["tool_calls"]:
                result = carry_out(call)
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


if __name__ == "__main__":
    print(main(os.environ["MODEL_URL"], sys.argv[1]))
