"""A webhook endpoint that costs little: answers every POST with 204, and any GET with how many there were and when
the last one came.

`python -m tests.bench.hook_server PORT`
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Hooks(asyncio.Protocol):
    """One keep-alive connection."""

    # of all connections
    posts = 0
    last_at = 0.0

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(END_OF_HEAD)) >= 0:
            head = self._buffer[:end].lower()
            place = head.find(LENGTH)
            length = int(head[place + len(LENGTH) :].partition(b"\r\n")[0]) if place >= 0 else 0
            if len(self._buffer) < end + len(END_OF_HEAD) + length:
                return
            self._buffer = self._buffer[end + len(END_OF_HEAD) + length :]
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        if head.startswith(b"post"):
            Hooks.posts += 1
            Hooks.last_at = time.time()
            return NO_CONTENT
        body = json.dumps({"posts": Hooks.posts, "last_at": Hooks.last_at}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Hooks, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
