"""The least a daemon can be, as a floor: an event loop that answers on a Unix socket.

usage: python -I -S bare_daemon.py SOCKET
"""

import asyncio
import sys


async def answer(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


async def main(path):
    async with await asyncio.start_unix_server(answer, path) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
