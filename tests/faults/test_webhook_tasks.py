"""A process kills itself in the middle of a replay and of a back-fill: each delivery is made and made due once.

A post itself may come twice, where a process died that had it in hand: those are known, and no others may.
POSTHORN_TEST_SEED chooses other moments.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from deploy.local.stack import Stack
from tests.faults.again import Endpoint, endpoint_of
from tests.faults.falling import die, load
from tests.faults.forms import FULL_MARKS, FULL_SECONDS, SEED, SHORT_MARKS, SHORT_SECONDS, Form
from tests.faults.matrix import Fault, record
from tests.faults.world import World, world

PROCESS = "webhooks"
REPLAY = ("webhooks.replay_begun", "webhooks.replay_queued")
BACKFILL = ("webhooks.backfill_begun", "webhooks.backfill_queued")
POINTS = (*REPLAY, *BACKFILL)
PROMISED = "each delivery made and made due once; none posted twice but what was in hand"
MIX = {"ok": 9, "permfail": 1}
RUNS = [
    pytest.param(Form("short", 40, SHORT_SECONDS), POINTS[1:4:2], id="short", marks=SHORT_MARKS),
    pytest.param(Form("full", 400, FULL_SECONDS), POINTS * 3, id="full", marks=FULL_MARKS),
]


class Falling:
    """Kills the process at points in their order, and remembers which deliveries it had in hand each time."""

    def __init__(self, there: World, rng: random.Random, latest: int) -> None:
        self._there = there
        self._rng = rng
        self._latest = latest
        self.endpoints: list[Endpoint] = []
        self.in_hand: set[str] = set()

    async def at(self, points: Sequence[str]) -> None:
        for point in points:
            await die(self._there, PROCESS, point, self._rng.randint(1, self._latest))
            for endpoint in self.endpoints:
                self.in_hand |= await endpoint.held()


@pytest.mark.parametrize(("form", "points"), RUNS)
async def test_a_kill_in_a_replay_and_in_a_back_fill_loses_no_delivery_and_doubles_none(
    stack: Stack, form: Form, points: Sequence[str]
) -> None:
    rng = random.Random(f"{SEED} {points}")
    async with world(stack, f"tasks-{SEED}", mix=MIX) as there:
        await there.load.send(form.messages)
        loaded = await there.over(form.seconds)
        first = Endpoint(there, there.witness.endpoint_id, there.witness.hook)
        before, posted = await first.deliveries(), await first.posts()
        await asyncio.to_thread(stack.stop, PROCESS)
        falling = Falling(there, rng, form.messages // 8)
        since = there.made_at - timedelta(seconds=1)

        async def fall() -> tuple[str, Endpoint, str]:
            replay = await first.ask("replay", since, states="all")
            second = await endpoint_of(there, f"{first.hook}-2")
            falling.endpoints += [first, second]
            await falling.at([point for point in points if point in REPLAY])
            backfill = await second.ask("backfill", since)
            await falling.at([point for point in points if point in BACKFILL])
            await asyncio.to_thread(stack.start, PROCESS)
            return replay, second, backfill

        task = asyncio.create_task(fall())
        if form.full:  # fresh mail meanwhile
            await load(there, 0, [task])
        replay, second, backfill = await task
        replayed = await first.ended("replay", replay, form.seconds)
        backfilled = await second.ended("backfill", backfill, form.seconds)
        judgement = await there.over(form.seconds)
        again, made = await first.deliveries(), await second.deliveries()
        more, got = await first.posts() - posted, await second.posts()
    print(f"{replayed}\n{backfilled}\nin hand {len(falling.in_hand)}\n{judgement}")
    for point in dict.fromkeys(points):
        record(form, Fault("kill -9 at a named point", f"{PROCESS} at `{point}`", PROMISED), judgement)
    assert not loaded.violations, str(loaded)
    assert not judgement.violations, str(judgement)

    assert (replayed["state"], replayed["queued"]) == ("done", len(before))
    assert {id_ for id_, each in again.items() if each.get("replays") == [replay]} == {*before}
    assert {each["state"] for each in again.values()} == {"succeeded"}
    assert {*more} == {*again}
    assert {id_ for id_, count in more.items() if count > 1} <= falling.in_hand

    events = {(each["event_id"], each["event_type"]) for each in again.values()}
    assert {(each["event_id"], each["event_type"]) for each in made.values()} == events
    assert len(made) == len(events)
    assert {each["state"] for each in made.values()} == {"succeeded"}
    own = [each for each in made.values() if each.get("backfill") == backfill]
    assert (backfilled["state"], backfilled["queued"]) == ("done", len(own))
    assert len(own) >= len(before)
    assert {*got} == {*made}
    assert {id_ for id_, count in got.items() if count > 1} <= falling.in_hand
