"""Leaving a sender at each stage of a conversation: before the dot it is cut, after it it is heard out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.sender.app import create_app
from services.sender.settings import Settings
from shared.contracts.messages import TlsMode
from tests.fixtures.deployment import eventually
from tests.fixtures.scripted_smtp import Act, ScriptedServer, Silence
from tests.integration.sender.patient_server import patient_server
from tests.integration.sender.world import QUICK, World

BEFORE_THE_DOT = ["BANNER", "EHLO", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("stage", BEFORE_THE_DOT)
async def test_what_has_not_come_to_its_dot_is_cut_and_given_back_at_once(world: World, stage: str) -> None:
    script: dict[str, Act | list[Act]] = {stage: Silence()}
    async with ScriptedServer(script, {}, extensions=()) as server:
        message = await world.message(route=world.route(server.port, tls=TlsMode.DISABLED))
        async with world.sender(shutdown_seconds=60, lease_seconds=120):
            await world.clear(message)

            async def silent() -> bool:
                session = server.sessions[0] if server.sessions else None
                return session is not None and (stage == "BANNER" or stage in session.verbs)

            await eventually(silent)
        given_back = await world.delivery(message)
        assert (given_back["state"], given_back["attempt"]) == ("waiting", 0)
        assert not {"lease", "data_sent"} & given_back.keys()
        async with world.sender():
            events = await world.events(message, "delivered")
    assert [str(event.type) for event in events] == ["delivered"]
    assert [session.dots for session in server.sessions] == [0, 1]


async def test_a_reply_after_the_dot_is_waited_for_and_recorded(world: World) -> None:
    async with patient_server("DOT") as slow:
        message = await world.message(route=world.route(slow.port, tls=TlsMode.DISABLED))
        service = create_app(world.deployment.settings(Settings, **{**QUICK, "shutdown_seconds": 60}), {"deliver"})
        left = asyncio.Event()

        async def run() -> None:
            async with service.run():
                await left.wait()

        running = asyncio.create_task(run())
        await world.clear(message)
        await slow.is_asked()
        before = await world.delivery(message)
        left.set()
        later = await world.message("ok+later@sink.test")
        await world.clear(later)

        async def renewed() -> bool:
            return (await world.delivery(message))["lease"]["until"] > before["lease"]["until"]

        await eventually(renewed, what="a lease that is renewed for as long as the reply takes")
        assert not running.done()
        leased = await world.delivery(message)
        assert (leased["state"], leased["data_sent"]) == ("leased", 0)
        slow.told.set()
        await asyncio.wait_for(running, 20)
    events = await world.events(message, "delivered")
    assert [str(event.type) for event in events] == ["delivered"]
    ended = await world.delivery(message)
    assert (ended["state"], slow.dots, "unpublished" in ended) == ("ended", 1, False)
    assert (await world.delivery(later)).get("state") in (None, "waiting")
    assert await world.attempts_at_sink("ok+later@sink.test") == 0


async def test_where_the_reply_takes_too_long_the_delivery_stays_marked_and_is_ambiguous_later(world: World) -> None:
    async with ScriptedServer({"DOT": Silence()}) as server:
        message = await world.message(route=world.route(server.port, tls=TlsMode.DISABLED))
        async with world.sender(shutdown_seconds=0.5, lease_seconds=3):
            await world.clear(message)

            async def dot_sent() -> bool:
                return bool(server.sessions and server.sessions[0].dots)

            await eventually(dot_sent)
        left = await world.delivery(message)
        assert (left["state"], left["data_sent"]) == ("leased", 0)
        async with world.sender(ambiguous_delays=[600]):
            events: list[Any] = await world.events(message, "ambiguous")
    assert [session.dots for session in server.sessions] == [1]
    assert events[-1].data["next_at"]
