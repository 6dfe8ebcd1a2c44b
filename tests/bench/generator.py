"""A load generator that costs little: prebuilt requests over keep-alive connections, in its own process.

`python -m tests.bench.generator '<Plan as JSON>'` prints the Result as JSON. Without a rate it is a closed loop; with
one, requests have fixed moments, and the time until an answer counts from there, so that a stall is not left out.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

from tests.bench.percentiles import Percentiles

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "


@dataclass(frozen=True)
class Plan:
    """`body` holds `{n}` wherever the number of the request goes; `rate` is in requests/s, None for a closed loop."""

    host: str
    port: int
    token: str
    body: str
    messages: int
    connections: int = 20
    rate: float | None = None
    path: str = "/v1/emails"


@dataclass
class Result:
    """Moments are of the machine's wall clock; `waits` are the seconds until each answer; `codes` count the answers."""

    started: float
    ended: float = 0.0
    waits: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> str:
        waits = asdict(Percentiles.of(self.waits))
        return json.dumps({"started": self.started, "ended": self.ended, "waits_ms": waits, "codes": self.codes})


class Client(asyncio.Protocol):
    """One connection: one request at a time. `done` is called with the status code of each answer."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._buffer = b""
        self._asked = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes, due: float) -> None:
        assert self.transport is not None
        self._asked = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(END_OF_HEAD)
        if not found:
            return
        place = head.lower().index(LENGTH) + len(LENGTH)
        if len(rest) < int(head[place:].partition(b"\r\n")[0]):
            return
        self._buffer = b""
        self._generator.answered(self, head[9:12].decode(), time.monotonic() - self._asked)

    def connection_lost(self, exc: Exception | None) -> None:
        self._generator.lost(exc)


class Generator:
    """Sends a plan's requests and gathers the answers."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        head = f"POST {plan.path} HTTP/1.1\r\nHost: {plan.host}\r\nAuthorization: Bearer {plan.token}\r\n"
        self._head = f"{head}Content-Type: application/json\r\nContent-Length: ".encode()
        self._pieces = plan.body.encode().split(b"{n}")
        self._sent = 0
        self._idle: deque[Client] = deque()
        self._due: deque[float] = deque()
        self._result = Result(time.time())
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> Result:
        """Returns when every request is answered; raises ConnectionError where a connection ends before."""
        loop = asyncio.get_running_loop()
        for _ in range(self._plan.connections):
            _, client = await loop.create_connection(lambda: Client(self), self._plan.host, self._plan.port)
            self._idle.append(client)
        self._result.started = time.time()
        if self._plan.rate is None:
            for _ in range(min(self._plan.connections, self._plan.messages)):
                self._ask(self._idle.popleft(), time.monotonic())
        else:
            await self._at_moments(self._plan.rate)
        await self._finished
        self._result.ended = time.time()
        return self._result

    async def _at_moments(self, rate: float) -> None:
        first = time.monotonic()
        for number in range(self._plan.messages):
            due = first + number / rate
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            if self._idle:
                self._ask(self._idle.popleft(), due)
            else:
                self._due.append(due)

    def _ask(self, client: Client, due: float) -> None:
        body = str(self._sent).encode().join(self._pieces)
        self._sent += 1
        client.ask(self._head + str(len(body)).encode() + END_OF_HEAD + body, due)

    def answered(self, client: Client, code: str, waited: float) -> None:
        self._result.waits.append(waited)
        self._result.codes[code] += 1
        if len(self._result.waits) == self._plan.messages:
            self._finished.set_result(None)
        elif self._due:
            self._ask(client, self._due.popleft())
        elif self._plan.rate is None and self._sent < self._plan.messages:
            self._ask(client, time.monotonic())
        else:
            self._idle.append(client)

    def lost(self, error: Exception | None) -> None:
        if not self._finished.done():
            self._finished.set_exception(error or ConnectionError("closed by the server"))


async def generate(plan: Plan) -> Result:
    return await Generator(plan).run()


if __name__ == "__main__":
    print(uvloop.run(generate(Plan(**json.loads(sys.argv[1])))).to_json())
