"""A mail host far away: it takes everything, and each of its replies leaves a fixed time after what it answers.

What comes in one packet is answered in one, so that pipelined commands (RFC 2920) cost one such time together. Each
connection to its second port is told, as JSON, how much came, when, over how many connections, and how many recipients
came twice.

`python -m tests.bench.far_sink PORT STATUS_PORT MILLISECONDS`
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

CRLF, END_OF_DATA = b"\r\n", b"\r\n.\r\n"
BACKLOG = 1000
EHLO = b"250-far.sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n"
REPLIES = {
    b"EHLO": EHLO,
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"DATA": b"354 Go on\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


@dataclass
class Status:
    """Moments are of the machine's wall clock."""

    messages: int = 0
    twice: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    connections: int = 0
    most_at_once: int = 0


@dataclass
class Host:
    """What all sessions share; `seconds` is how late each reply is."""

    seconds: float
    status: Status = field(default_factory=Status)
    recipients: set[bytes] = field(default_factory=set)
    open: int = 0

    def opened(self) -> None:
        self.open += 1
        self.status.connections += 1
        self.status.most_at_once = max(self.status.most_at_once, self.open)

    def taken(self, recipient: bytes) -> None:
        status, now = self.status, time.time()
        status.first_at, status.last_at = status.first_at or now, now
        status.messages += 1
        status.twice += recipient in self.recipients
        self.recipients.add(recipient)


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._buffer = bytearray()
        self._recipient = b""
        self._in_data = False
        self._searched = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._host.opened()
        self._say(b"220 far.sink.test ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._host.open -= 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if replies := b"".join(self._answers()):
            self._say(replies)

    def _answers(self) -> Iterator[bytes]:
        while True:
            end = self._buffer.find(END_OF_DATA if self._in_data else CRLF, self._searched)
            if end < 0:
                self._searched = max(0, len(self._buffer) - len(END_OF_DATA))
                return
            self._searched = 0
            if self._in_data:
                del self._buffer[: end + len(END_OF_DATA)]
                self._in_data = False
                self._host.taken(self._recipient)
                yield b"250 2.0.0 Taken\r\n"
            else:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + len(CRLF)]
                yield self._answer(line)

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._recipient = line
        self._in_data = verb == b"DATA"
        return REPLIES.get(verb, b"502 5.5.1 Unknown\r\n")

    def _say(self, replies: bytes) -> None:
        if self._host.seconds:
            asyncio.get_running_loop().call_later(self._host.seconds, self._write, replies)
        else:
            self._write(replies)

    def _write(self, replies: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(replies)
        if replies.endswith(REPLIES[b"QUIT"]):
            self._transport.close()


class Telling(asyncio.Protocol):
    """A connection that is told how things stand."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        told = cast(asyncio.Transport, transport)
        told.write(json.dumps(asdict(self._host.status)).encode())
        told.close()


async def serve(port: int, status_port: int, milliseconds: int) -> None:
    host, loop = Host(milliseconds / 1000), asyncio.get_running_loop()
    await loop.create_server(lambda: Session(host), "127.0.0.1", port, backlog=BACKLOG)
    telling = await loop.create_server(lambda: Telling(host), "127.0.0.1", status_port)
    await telling.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:4])))
