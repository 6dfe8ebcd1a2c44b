"""Webhook endpoints that cost little. What a POST meets is in its path: `/hang` never answers, `/slow` after 300 ms,
`/fail` with 500, all others with 204. Any GET is answered with how many POSTs there were and when the last one came;
`/timed` also with how long after their event those below it came, which are forgotten then.

`python -m tests.bench.hook_server PORT`
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime
from typing import Any, cast

import uvloop

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "
TIMESTAMP, TIMESTAMP_LENGTH = b'"timestamp":"', len("2026-03-01T12:00:00.000Z")
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
FAILURE = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
SLOW_SECONDS = 0.3


class Hooks(asyncio.Protocol):
    """One keep-alive connection."""

    # of all connections
    posts = 0
    last_at = 0.0
    first_timed_at = 0.0
    delays: list[float] = []

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
            body_at = end + len(END_OF_HEAD)
            if len(self._buffer) < body_at + length:
                return
            body = self._buffer[body_at : body_at + length]
            self._buffer = self._buffer[body_at + length :]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"post"):
            text = json.dumps(_told(timed=head.startswith(b"get /timed"))).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
            return
        now = time.time()
        Hooks.posts += 1
        Hooks.last_at = now
        if head.startswith(b"post /timed"):
            Hooks.first_timed_at = Hooks.first_timed_at or now
            begin = body.find(TIMESTAMP) + len(TIMESTAMP)
            occurred = datetime.fromisoformat(body[begin : begin + TIMESTAMP_LENGTH].decode())
            Hooks.delays.append(now - occurred.timestamp())
        if head.startswith(b"post /slow"):
            asyncio.get_running_loop().call_later(SLOW_SECONDS, self._transport.write, NO_CONTENT)
        elif head.startswith(b"post /fail"):
            self._transport.write(FAILURE)
        elif not head.startswith(b"post /hang"):
            self._transport.write(NO_CONTENT)


def _told(*, timed: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"posts": Hooks.posts, "last_at": Hooks.last_at}
    if timed:
        told |= {"first_at": Hooks.first_timed_at, "delays": Hooks.delays}
        Hooks.first_timed_at, Hooks.delays = 0.0, []
    return told


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Hooks, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
