"""Senders stand still in the middle of their conversations, for longer than their leases, and go on when others have
taken over: no final dot leaves that another owner does not know of.

POSTHORN_TEST_SEED chooses another load.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

import pytest

from deploy.local.stack import Stack
from shared.failpoints import VARIABLE
from shared.settings import SharedSettings
from tests.faults.forms import FULL_MARKS, FULL_SECONDS, SEED, SHORT_MARKS, SHORT_SECONDS, Form
from tests.faults.judge import ambiguities
from tests.faults.load import CERTAIN
from tests.faults.matrix import Fault, record
from tests.faults.owners import deliveries, further, go_on, is_marked, standing
from tests.faults.world import World, world
from tests.fixtures.deployment import eventually
from tests.fixtures.settings import settings_of


@dataclass(frozen=True)
class Stage:
    """Where a sender stands, and a delivery that it holds there: whether it is marked, its copies at the sink."""

    when: str
    marked: bool
    copies: int = 0

    @property
    def fault(self) -> Fault:
        what = f"Sender stopped {self.when}, for longer than its lease, then continued"
        then = "said to be ambiguous before it is sent again" if self.copies else "no copy more"
        return Fault("Two owners for a while", what, f"none lost; {then}")


STAGES = {
    "sender.inserted": Stage("after its claim", marked=False),
    "sender.begun": Stage("when the peer waits for the message", marked=False),
    "sender.sent_body": Stage("before the mark that its dot may leave", marked=False),
    "sender.marked": Stage("between that mark and the dot", marked=True),
    "sender.replied": Stage("after the dot, before the outcome", marked=True, copies=1),
}
RUNS = [
    pytest.param(Form("short", 200, SHORT_SECONDS), list(STAGES), id="short", marks=SHORT_MARKS),
    *(
        pytest.param(Form("full", 2000, FULL_SECONDS), [point], id=f"full-{point}", marks=FULL_MARKS)
        for point in STAGES
    ),
]
AT_ONCE = 2  # messages
LEASE_SECONDS = "12"  # long enough for all to stand before the first loses what it holds
PATIENCE = 0.5  # seconds for a process to stand, before it gets more messages
SETTLE = 2.0  # seconds between two looks at what the sink has


@dataclass(frozen=True)
class Held:
    """A delivery that a standing process holds: its lease, whether its dot may have left, its copies at the sink."""

    token: str
    marked: bool
    copies: int


async def held_by_all(there: World, settings: SharedSettings) -> dict[str, Held]:
    """What is leased, by message id."""
    copies = await settled_copies(there)
    return {
        each["_id"]: Held(
            each["lease"]["token"],
            is_marked(each),
            copies[there.load.answered[each["_id"]].recipient],
        )
        for each in await deliveries(settings, {"state": "leased", "_id": {"$in": list(there.load.answered)}})
    }


async def settled_copies(there: World) -> dict[str, int]:
    """Copies at the sink by recipient: two looks that agree, for what left before they stood may be on its way."""
    seen: list[dict[str, int]] = []

    async def agree() -> bool:
        seen.append(await there.witness.copies(there.load.answered))
        return len(seen) > 1 and seen[-1] == seen[-2]

    await eventually(agree, every=SETTLE, what="a sink to which nothing comes")
    return seen[-1]


async def come_to_stand(there: World, pids: Collection[int], seconds: float) -> None:
    """Sends a few messages at a time until each of the processes stands: each has got as far as its point with one."""
    end = time.monotonic() + seconds
    while len(before := await asyncio.to_thread(standing, pids)) < len(pids):
        assert time.monotonic() < end, f"only {before} of {pids} stand"
        await there.load.send(AT_ONCE)

        async def one_more(known: frozenset[int] = frozenset(before)) -> bool:
            return await asyncio.to_thread(standing, pids) != known

        with suppress(AssertionError):
            await eventually(one_more, seconds=PATIENCE)


@pytest.mark.parametrize(("form", "points"), RUNS)
async def test_a_sender_past_its_lease_lets_no_dot_go(stack: Stack, form: Form, points: list[str]) -> None:
    settings = settings_of(stack.env)
    armed = {
        f"{point}-stalled": ("sender", {VARIABLE: f"{point}=stop", "POSTHORN_LEASE_SECONDS": LEASE_SECONDS})
        for point in points
    }
    async with world(stack, SEED, mix=CERTAIN) as there, further(stack, armed) as pids:
        await asyncio.to_thread(stack.stop, "sender")
        await come_to_stand(there, pids.values(), form.seconds)
        held = await held_by_all(there, settings)
        await asyncio.to_thread(stack.start, "sender")
        sending = asyncio.create_task(there.load.send(form.messages - len(there.load.answered)))

        async def taken_over() -> bool:
            tokens = [each.token for each in held.values()]
            return not await deliveries(settings, {"_id": {"$in": list(held)}, "lease.token": {"$in": tokens}})

        await eventually(taken_over, seconds=form.seconds, every=0.2, what="other owners of what was held")
        go_on(pids.values())
        await sending
        judgement = await there.over(form.seconds)
        after = await there.witness.evidence({id_: there.load.answered[id_] for id_ in held})
    print(f"{held}\n{judgement}")
    for point in points:
        record(form, STAGES[point].fault, judgement)
    stood = {(each.marked, each.copies) for each in held.values()}
    assert {(STAGES[point].marked, STAGES[point].copies) for point in points} <= stood
    for id_, each in held.items():
        assert ambiguities(after, id_) == each.marked, f"{id_} {each}"
        if not each.copies:
            assert after.copies[after.answered[id_].recipient] <= 1, f"{id_} {each}"
    assert not judgement.violations, f"seed {SEED}\n{judgement}"
