"""A client of SMTP over TLS that costs little: mail over many sessions at once, in its own process.

`python -m tests.bench.smtp_client '<Plan as JSON>'` prints the Result as JSON. Each session waits for each reply, as
most mailers do.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

from tests.bench.percentiles import Percentiles

CRLF = b"\r\n"


@dataclass(frozen=True)
class Plan:
    """`content` holds `{n}` where the number of the message goes; without a `user` nobody logs in. A session ends after
    `per_session` messages, and another one begins."""

    host: str
    port: int
    sender: str
    recipient: str
    content: str
    messages: int
    sessions: int
    per_session: int
    user: str | None = None
    password: str | None = None


@dataclass
class Result:
    """Moments are of the machine's wall clock; `waits` are the seconds from MAIL to the reply after the dot."""

    started: float
    ended: float = 0.0
    waits: list[float] = field(default_factory=list)

    def to_json(self) -> str:
        waits = asdict(Percentiles.of(self.waits))
        return json.dumps({"started": self.started, "ended": self.ended, "waits_ms": waits})


class Session(asyncio.Protocol):
    """One connection, led by `said`: an iterator that gives the commands and takes the code of each reply."""

    def __init__(self, commands: Iterator[tuple[bytes, bytes]]) -> None:
        self._commands = commands
        self._expected = b"220"
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._buffer.endswith(CRLF):
            return
        last = self._buffer[: -len(CRLF)].rpartition(CRLF)[2]
        if last[3:4] == b"-":
            return
        self._buffer = b""
        assert self._transport is not None
        if last[:3] != self._expected:
            self._end(ConnectionError(f"{last!r} instead of {self._expected!r}"))
            return
        command = next(self._commands, None)
        if command is None:
            self._transport.close()
            self._end(None)
            return
        text, self._expected = command
        self._transport.write(text)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionError("closed by the server"))

    def _end(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error) if error else self.ended.set_result(None)


class Client:
    """Sends a plan's messages."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._numbers = iter(range(plan.messages))
        self._before, self._after = plan.content.encode().split(b"{n}")
        self._context = ssl.create_default_context()
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self.result = Result(time.time())

    async def run(self) -> Result:
        """Raises ConnectionError where a reply is not the one that means success."""
        self.result.started = time.time()
        await asyncio.gather(*(self._sessions() for _ in range(self._plan.sessions)))
        self.result.ended = time.time()
        return self.result

    async def _sessions(self) -> None:
        loop = asyncio.get_running_loop()
        while (first := next(self._numbers, None)) is not None:
            commands = self._commands(first)
            _, session = await loop.create_connection(
                lambda commands=commands: Session(commands), self._plan.host, self._plan.port, ssl=self._context
            )
            await session.ended

    def _commands(self, number: int | None) -> Iterator[tuple[bytes, bytes]]:
        """What one session says, and the code that it expects for it."""
        plan = self._plan
        yield b"EHLO bench.example\r\n", b"250"
        if plan.user is not None:
            yield b"AUTH PLAIN " + b64encode(f"\0{plan.user}\0{plan.password}".encode()) + CRLF, b"235"
        for left in reversed(range(plan.per_session)):
            if number is None:
                break
            began = time.monotonic()
            yield f"MAIL FROM:<{plan.sender}>\r\n".encode(), b"250"
            yield f"RCPT TO:<{plan.recipient}>\r\n".encode(), b"250"
            yield b"DATA\r\n", b"354"
            yield self._before + str(number).encode() + self._after + b"\r\n.\r\n", b"250"
            self.result.waits.append(time.monotonic() - began)
            number = next(self._numbers, None) if left else None
        yield b"QUIT\r\n", b"221"


async def send(plan: Plan) -> Result:
    return await Client(plan).run()


if __name__ == "__main__":
    print(uvloop.run(send(Plan(**json.loads(sys.argv[1])))).to_json())
