"""Asks an API for chats, many at once, and tells how long each took.

usage: python -I api_client.py SERVER AT_ONCE SECONDS

SERVER: JSON with address, path, headers, body, session_field. Prints {"walls", "errors",
"seconds"}.
"""

import asyncio
import itertools
import json
import os
import sys
import time

numbers = itertools.count(1)


async def connect(address):
    if isinstance(address, str):
        return await asyncio.open_unix_connection(address)
    return await asyncio.open_connection(*address)


def request(server):
    name = f"chat-{os.getpid()}-{next(numbers)}"
    messages = [{"role": "user", "content": f"say hi [name={name}]"}]
    fields = {**server["body"], "messages": messages}
    if server["session_field"]:
        fields[server["session_field"]] = name
    body = json.dumps(fields).encode()
    headers = {"Host": "localhost", "Content-Type": "application/json", **server["headers"]}
    lines = [f"POST {server['path']} HTTP/1.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def answer(reader):
    """(status, body, whether the connection stays)."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    stays = fields.get("connection") != "close"
    if fields.get("transfer-encoding") != "chunked":
        return status, await reader.readexactly(int(fields["content-length"])), stays
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return status, body, stays


async def ask(server, link):
    link = link or await connect(server["address"])
    reader, writer = link
    writer.write(request(server))
    status, body, stays = await answer(reader)
    good = status == 200 and "Done after" in json.loads(body)["choices"][0]["message"]["content"]
    if not stays:
        writer.close()
    return good, link if stays else None


async def worker(server, until, walls, errors):
    link = None
    while time.perf_counter() < until:
        begun = time.perf_counter()
        try:
            good, link = await ask(server, link)
        except (OSError, EOFError, ValueError, KeyError) as error:
            good, link = False, None
            print(error, file=sys.stderr)
        if good:
            walls.append(time.perf_counter() - begun)
        else:
            errors.append(1)
            await asyncio.sleep(0.05)
    if link:
        link[1].close()


async def main(server, at_once, seconds):
    walls: list[float] = []
    errors: list[int] = []
    begun = time.perf_counter()
    work = [worker(server, begun + seconds, walls, errors) for _ in range(at_once)]
    await asyncio.gather(*work)
    took = time.perf_counter() - begun
    print(json.dumps({"walls": walls, "errors": len(errors), "seconds": took}))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
