"""The least an API can be, as a floor: a chat comes in, one request goes to the model.

usage: MODEL_URL=http://127.0.0.1:PORT/v1 python -I -S bare_api.py PORT
"""

import asyncio
import json
import os
import sys

HOST = "127.0.0.1"


async def read(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line[15:])
    return await reader.readexactly(length)


def written(first, fields):
    body = json.dumps(fields).encode()
    return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (first, len(body), body)


async def serve(reader, writer):
    port = int(os.environ["MODEL_URL"].removesuffix("/v1").rpartition(":")[2])
    from_model, to_model = await asyncio.open_connection(HOST, port)
    try:
        while True:
            asked = json.loads(await read(reader) or b"{}")
            messages = {"model": "bare", "messages": asked.get("messages", []), "tools": []}
            to_model.write(written(b"POST /v1/chat/completions HTTP/1.1", messages))
            answer = json.loads(await read(from_model))
            writer.write(written(b"HTTP/1.1 200 OK", answer))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
        to_model.close()


async def main(port):
    async with await asyncio.start_server(serve, HOST, port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
