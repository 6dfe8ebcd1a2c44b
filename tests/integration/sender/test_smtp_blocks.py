"""Messages that are read while they are sent, over real TCP: byte-exact, at the peer's pace, cut before the dot."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import pytest

from services.sender.smtp.attempt import attempt
from services.sender.smtp.body import Blocks
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import BounceClass, Bounced, Deferred, Delivered, Outcome, Stage
from services.sender.smtp.transaction import Transaction
from tests.fixtures.scripted_smtp import Act, Close, ScriptedServer, Stall
from tests.integration.sender.attempts import LARGE, LONG, MESSAGE, STUFFED, Dots, egress, envelope


class Source:
    """A message in blocks of a size; `fails` after some of them. `reads` counts how often it was begun."""

    def __init__(self, message: bytes, size: int, fails: Exception | None = None, after: int = 10) -> None:
        self.message, self.size, self.fails, self.after = message, size, fails, after
        self.reads = self.closed = 0

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        self.reads += 1
        try:
            for number, at in enumerate(range(0, len(self.message), self.size)):
                if self.fails is not None and number == self.after:
                    raise self.fails
                yield self.message[at : at + self.size]
        finally:
            self.closed += 1


async def sent(
    pool: Callable[..., Connections], source: Blocks, servers: list[ScriptedServer], dots: Dots, size: int, **more: Any
) -> Outcome:
    connections, way = pool(**more), egress(*(server.port for server in servers))
    try:
        outcome = await attempt(connections, way, Transaction(envelope(b"", size=size), source, dots))
    finally:
        connections.close()
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.mark.parametrize("size", range(1, 8))
async def test_wherever_it_is_cut_the_same_bytes_arrive(pool: Callable[..., Connections], size: int) -> None:
    async with ScriptedServer() as server:
        outcome = await sent(pool, Source(MESSAGE, size), [server], Dots(), len(MESSAGE))
    assert isinstance(outcome, Delivered)
    assert server.session.data == [STUFFED]
    assert server.session.commands[1].endswith(f" SIZE={len(MESSAGE)}")
    assert f"({len(MESSAGE)} bytes)" in [step.sent for step in outcome.transcript]


async def test_a_message_is_read_anew_each_time_that_it_is_sent(pool: Callable[..., Connections]) -> None:
    source, dots = Source(LARGE, 60_000), Dots()
    async with ScriptedServer() as server:
        connections = pool()
        for _ in range(2):
            outcome = await attempt(connections, egress(server.port), Transaction(envelope(LARGE), source, dots))
            assert isinstance(outcome, Delivered)
        connections.close()
    assert (source.reads, source.closed, dots.asked) == (2, 2, 2)
    assert server.session.data[0] == server.session.data[1]
    async with ScriptedServer({"DATA": "421 4.3.2 closing"}) as first, ScriptedServer() as second:
        outcome = await sent(pool, source, [first, second], dots, len(LARGE))
    assert isinstance(outcome, Delivered)
    assert (source.reads, source.closed, dots.asked) == (3, 3, 3)
    assert bytes(second.session.data[0]).replace(b"\r\n..", b"\r\n.").removesuffix(b".\r\n") == LARGE


@pytest.mark.parametrize(
    ("script", "kind", "class_"),
    [
        ({"BODY": Close()}, Deferred, BounceClass.CONNECTION),
        ({"BODY": Close("552 5.3.4 enough")}, Bounced, BounceClass.MESSAGE_TOO_LARGE),
        ({"BODY": Stall()}, Deferred, BounceClass.CONNECTION),
    ],
)
async def test_what_the_peer_does_in_the_body_is_its_verdict(
    pool: Callable[..., Connections], script: dict[str, Act | list[Act]], kind: type[Outcome], class_: BounceClass
) -> None:
    source, dots = Source(LARGE * 4, 60_000), Dots()
    async with ScriptedServer(script, extensions=()) as server:
        outcome = await sent(pool, source, [server], dots, len(LARGE) * 4, timeouts=replace(LONG, block=0.3))
    assert type(outcome) is kind
    assert (outcome.stage, outcome.class_) == (Stage.BODY, class_)
    assert (dots.asked, server.session.dots, source.closed) == (0, 0, 1)


@pytest.mark.parametrize(
    ("source", "size", "error"),
    [
        (Source(LARGE, 60_000, RuntimeError("the store is gone")), len(LARGE), RuntimeError),
        (Source(LARGE, 60_000, TimeoutError("the store is slow")), len(LARGE), TimeoutError),
        (Source(LARGE, 60_000), len(LARGE) + 1, ValueError),
        (Source(LARGE, 60_000), len(LARGE) - 1, ValueError),
        (Source(LARGE + b"bare\n", 60_000), len(LARGE) + 5, ValueError),
        (Source(LARGE + b"open", 60_000), len(LARGE) + 4, ValueError),
        (Source(b"x" * 999 + b"\r\n", 100), 1001, ValueError),
    ],
    ids=["gone", "slow", "shorter", "longer", "a bare LF", "no end", "a long line"],
)
async def test_a_message_that_cannot_be_read_to_its_end_is_cut_before_the_dot(
    pool: Callable[..., Connections], source: Source, size: int, error: type[Exception]
) -> None:
    dots = Dots()
    async with ScriptedServer() as server:
        with pytest.raises(error):
            await sent(pool, source, [server], dots, size)
        session = await server.ended()
    assert (dots.asked, session.dots, source.closed) == (0, 0, 1)
    assert session.commands[-1] == "DATA"
