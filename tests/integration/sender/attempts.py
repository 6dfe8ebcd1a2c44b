"""What the tests of conversations share: one message, one envelope, one attempt at a scripted host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from services.sender.bounces.live import Rules
from services.sender.smtp.attempt import attempt
from services.sender.smtp.connection import Connection
from services.sender.smtp.connections import Connections
from services.sender.smtp.greeting import open_connection
from services.sender.smtp.peers import Egress, Timeouts, TlsContexts
from services.sender.smtp.transaction import BeforeDot, Envelope, Transaction
from services.sender.tls.protection import Protection, protect
from shared.contracts.messages import Host, TlsMode
from tests.fixtures.scripted_smtp import Act, ScriptedServer

MESSAGE = b"From: a@shop.test\r\nSubject: Hi\r\n\r\n.\r\n..two\r\nlast\r\n"
STUFFED = b"From: a@shop.test\r\nSubject: Hi\r\n\r\n..\r\n...two\r\nlast\r\n.\r\n"
LARGE = MESSAGE + (b"x" * 70 + b"\r\n") * 60_000
SHORT = Timeouts(**dict.fromkeys(Timeouts.__dataclass_fields__, 0.3))
LONG = Timeouts(**dict.fromkeys(Timeouts.__dataclass_fields__, 10.0))
NAME = "mx.test"


def envelope(message: bytes = MESSAGE, **changes: Any) -> Envelope:
    return replace(Envelope("b+1@bounce.shop.test", "jane@example.test", len(message)), **changes)


def egress(*ports: int, **changes: Any) -> Egress:
    hosts = tuple(Host(name=NAME, port=port) for port in ports)
    return replace(Egress("t1", 1, hosts, TlsMode.DISABLED, "out.shop.test"), **changes)


async def yes() -> bool:
    return True


def transaction(before_dot: BeforeDot = yes, message: bytes = MESSAGE, **changes: Any) -> Transaction:
    return replace(Transaction(envelope(message), message, before_dot), **changes)


class Dots:
    """Counts how often the dot was asked for, and answers what it is told to."""

    def __init__(self, answer: bool | Exception = True) -> None:
        self.answer, self.asked = answer, 0

    async def __call__(self) -> bool:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def opened(server: ScriptedServer, contexts: TlsContexts, **changes: Any) -> AsyncIterator[Connection]:
    way = egress(server.port, **changes)
    protection = protect(way.tls, NAME)
    assert isinstance(protection, Protection)
    connection = await open_connection(
        way, way.hosts[0], "127.0.0.1", protection, timeouts=LONG, contexts=contexts, rules=Rules()
    )
    assert isinstance(connection, Connection), connection
    yield connection
    connection.close()


async def outcome_with(
    pool: Callable[..., Connections],
    *scripts: dict[str, Act | list[Act]],
    message: bytes = MESSAGE,
    timeouts: Timeouts = LONG,
    before_dot: BeforeDot = yes,
    **changes: Any,
) -> tuple[Any, ScriptedServer]:
    """The outcome of one attempt at one scripted host, and the server after its clients went."""
    extensions = changes.pop("extensions", ("PIPELINING", "SIZE 90000000"))
    server_tls = changes.pop("server_tls", None)
    async with ScriptedServer(*scripts, extensions=extensions, tls=server_tls) as server:
        connections = pool(timeouts=timeouts)
        outcome = await attempt(connections, egress(server.port, **changes), transaction(before_dot, message))
        connections.close()
    return outcome, server
