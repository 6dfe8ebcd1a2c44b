"""Transactions behind others: MAIL, RCPT and DATA leave with the final dot before them (RFC 2920 section 3.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.sender.smtp import behind as behind_module
from services.sender.smtp.attempt import attempt
from services.sender.smtp.behind import Behind
from services.sender.smtp.connection import Connection
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import Abandoned, Ambiguous, Bounced, Deferred, Delivered, Outcome, Stage
from services.sender.smtp.peers import Egress
from tests.fixtures.deployment import eventually
from tests.fixtures.scripted_smtp import Close, ScriptedServer, Until
from tests.integration.sender.attempts import NAME, Dots, egress, transaction

TAKEN = "250 2.0.0 taken"


class Pair:
    """A first message, and a second one that begins when the first one's dot has left, on the same connections."""

    def __init__(self, connections: Connections, second: Egress, before_dot: Dots | None = None) -> None:
        self.connections = connections
        self.destination = second.destination
        self._second = second
        self._before_dot = before_dot or Dots()
        self.behind: Behind | None = None
        self.task: asyncio.Task[Outcome | Abandoned] | None = None

    def follow(self, connection: Connection) -> Behind | None:
        if self.task is not None or not self.connections.may_be_followed(connection):
            return None
        self.behind = Behind(connection)
        self.task = asyncio.create_task(self._attempt(self.behind))
        return self.behind

    async def _attempt(self, behind: Behind) -> Outcome | Abandoned:
        try:
            second = transaction(self._before_dot, after_dot=self.follow, behind=behind)
            return await attempt(self.connections, self._second, second)
        finally:
            self.connections.leave(behind)

    async def first(self, way: Egress) -> Outcome | Abandoned:
        return await attempt(self.connections, way, transaction(after_dot=self.follow))

    async def both(self, way: Egress) -> tuple[Outcome | Abandoned, Outcome | Abandoned]:
        first = await self.first(way)
        assert self.task is not None
        return first, await self.task


class Patient(ScriptedServer):
    """Replies to a final dot only when the next transaction's DATA is there, and never where it does not come."""

    replies: list[str]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(*lines: str) -> None:
            writer.write("".join(f"{line}\r\n" for line in lines).encode())
            await writer.drain()

        await say("220 mx.test")
        await reader.readuntil(b"\r\n")
        await say("250-mx.test", "250 PIPELINING")
        await reader.readuntil(b"DATA\r\n")
        await say("250 ok", "250 ok", "354 go on")
        for reply in self.replies:
            await reader.readuntil(b"\r\n.\r\n")
            await reader.readuntil(b"DATA\r\n")
            await say(reply, "250 ok", "250 ok", "354 go on")
        await reader.readuntil(b"\r\n.\r\n")
        await say(TAKEN)
        await reader.read()
        writer.close()


@asynccontextmanager
async def patient(*replies: str) -> AsyncIterator[Patient]:
    server = Patient()
    server.replies = list(replies)
    async with server:
        yield server


Pool = Callable[..., Connections]
Told = Callable[[], Awaitable[None]]


async def test_the_next_begins_with_the_dot(pool: Pool) -> None:
    async with patient(TAKEN) as server:
        way = egress(server.port)
        pair = Pair(pool(), way)
        first, second = await pair.both(way)
        assert isinstance(first, Delivered)
        assert isinstance(second, Delivered)
        assert [step.stage for step in first.transcript][-2:] == [Stage.BODY, Stage.DOT]
        assert [step.stage for step in second.transcript] == [
            Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT,
        ]  # fmt: skip
        assert pair.connections.pool.open_to(way.destination) == pair.connections.pool.idle_to(way.destination) == 1


async def test_a_refused_message_is_no_matter_of_the_next(pool: Pool) -> None:
    async with patient("554 5.7.1 no") as server:
        way = egress(server.port)
        first, second = await Pair(pool(), way).both(way)
    assert isinstance(first, Bounced)
    assert isinstance(second, Delivered)


@pytest.mark.parametrize(
    ("dot", "first_is", "trusted"),
    [
        (Close(), Ambiguous, True),
        (Close("421 4.3.2 not now"), Deferred, True),
    ],
)
async def test_where_the_connection_ends_the_next_has_one_of_its_own(
    pool: Pool, dot: Any, first_is: type[Outcome], trusted: bool
) -> None:
    async with ScriptedServer({"DOT": dot}, {}) as server:
        way = egress(server.port)
        pair = Pair(pool(), way)
        first, second = await pair.both(way)
        assert isinstance(first, first_is)
        assert isinstance(second, Delivered)
        assert len(server.sessions) == 2
        assert (f"{NAME}:{server.port}" not in pair.connections.distrusted) is trusted
        assert pair.connections.pool.open_to(way.destination) == 1
        pair.connections.close()


async def test_a_host_that_does_not_take_it_is_asked_again_and_never_so_again(pool: Pool) -> None:
    async with ScriptedServer({"MAIL": ["250 ok", "503 5.5.1 one at a time"]}, {}) as server:
        way = egress(server.port)
        pair = Pair(pool(), way)
        first, second = await pair.both(way)
        assert isinstance(first, Delivered)
        assert isinstance(second, Delivered)
        assert len(server.sessions) == 2
        again = Pair(pair.connections, way)
        assert isinstance(await again.first(way), Delivered)
        assert again.task is None
        pair.connections.close()


@asynccontextmanager
async def waiting_pair(connections: Connections) -> AsyncIterator[tuple[Pair, asyncio.Task[Any], Told]]:
    """A pair whose second one has said its commands, while the first one's reply comes when it is told."""
    told = asyncio.Event()
    async with ScriptedServer({"DOT": Until(told, TAKEN)}) as server:
        way = egress(server.port)
        pair = Pair(connections, way)
        first = asyncio.create_task(pair.first(way))
        await eventually(lambda: taken(pair))
        assert pair.task is not None

        async def first_is_told() -> None:
            told.set()
            assert isinstance(await first, Delivered)

        yield pair, pair.task, first_is_told


async def test_who_waits_too_long_goes_elsewhere_and_the_first_has_its_reply(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind_module, "PATIENCE_SECONDS", 0.1)
    async with waiting_pair(pool()) as (pair, second, first_is_told):
        assert isinstance(await second, Abandoned)
        await first_is_told()
        # replies that nobody reads are on their way
        assert pair.connections.pool.open_to(pair.destination) == 0


async def test_who_is_cut_while_it_waits_leaves_the_first_alone(pool: Pool) -> None:
    async with waiting_pair(pool()) as (pair, second, first_is_told):
        second.cancel()
        await asyncio.wait([second])
        await first_is_told()
        assert pair.connections.pool.open_to(pair.destination) == 0


async def test_who_goes_to_another_host_waits_for_the_place_and_leaves_the_connection(pool: Pool) -> None:
    async with ScriptedServer() as server, ScriptedServer() as other:
        way = egress(server.port)
        pair = Pair(pool(), egress(other.port))
        first, second = await pair.both(way)
        assert isinstance(first, Delivered)
        assert isinstance(second, Delivered)
        assert (len(server.sessions), len(other.sessions)) == (1, 1)
        assert pair.connections.pool.idle_to(way.destination) == 2
        pair.connections.close()


async def test_who_does_not_come_leaves_the_connection_to_others(pool: Pool) -> None:
    async with ScriptedServer() as server:
        way = egress(server.port)
        connections = pool()
        places: list[Behind] = []

        def follow(connection: Connection) -> Behind:
            places.append(Behind(connection))
            return places[-1]

        for leaves_early in (True, False):

            def nobody_comes(connection: Connection, early: bool = leaves_early) -> Behind:
                place = follow(connection)
                if early:
                    connections.leave(place)
                return place

            assert isinstance(await attempt(connections, way, transaction(after_dot=nobody_comes)), Delivered)
            connections.leave(places[-1])
            assert connections.pool.idle_to(way.destination) == 1
        assert len(server.sessions) == 1
        connections.close()


async def test_a_dot_that_may_not_leave_is_the_second_one_s_alone(pool: Pool) -> None:
    async with ScriptedServer() as server:
        way = egress(server.port)
        first, second = await Pair(pool(), way, Dots(False)).both(way)
        assert isinstance(first, Delivered)
        assert isinstance(second, Abandoned)
        assert server.session.dots == 1


async def taken(pair: Pair) -> bool:
    return pair.behind is not None and pair.behind.taken
