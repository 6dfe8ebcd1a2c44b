"""A consumer stands still with a batch handled and not committed, for longer than its session; another one takes over.

When it goes on, both have acted on the same records. POSTHORN_TEST_SEED chooses another load and other moments.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from deploy.local.stack import Stack
from shared.failpoints import VARIABLE
from shared.settings import SharedSettings
from tests.faults.forms import FULL_MARKS, FULL_SECONDS, SEED, SHORT_MARKS, SHORT_SECONDS, Form
from tests.faults.matrix import Fault, record
from tests.faults.owners import further, go_on, members, standing
from tests.faults.quiet import consumer_groups
from tests.faults.world import world
from tests.fixtures.deployment import eventually
from tests.fixtures.settings import settings_of

# The points that further processes stand still at: the process of each, and one of its consumer groups.
STALLS: Mapping[str, tuple[str, str]] = {
    "ingest.projector.events.handled": ("ingest", "ingest.projector.events"),
    "router.route.standard.handled": ("router", "router.route.standard"),
    "suppression.check.standard.handled": ("suppression", "suppression.check.standard"),
    "sender.deliver.standard.handled": ("sender", "sender.deliver.standard"),
    "webhooks.events.handled": ("webhooks", "webhooks.events"),
}
FURTHER_STALLS: Mapping[str, tuple[str, str]] = {
    "relay.published": ("ingest", "ingest.projector.standard"),
    "router.health.handled": ("router", "router.health"),
    "ingest.projector.standard.handled": ("ingest", "ingest.projector.standard"),
    "ingest.projector.webhooks.handled": ("ingest", "ingest.projector.webhooks"),
    "suppression.learn.handled": ("suppression", "suppression.learn"),
    "webhooks.accepted.standard.handled": ("webhooks", "webhooks.accepted.standard"),
    "webhooks.posting": ("webhooks", "webhooks.events"),
    "webhooks.posted": ("webhooks", "webhooks.events"),
}
RUNS = [
    pytest.param(Form("short", 240, SHORT_SECONDS), STALLS, id="short", marks=SHORT_MARKS),
    *(
        pytest.param(Form("full", 2000, FULL_SECONDS), {point: stall}, id=f"full-{point}", marks=FULL_MARKS)
        for point, stall in {**STALLS, **FURTHER_STALLS}.items()
    ),
]


@asynccontextmanager
async def armed(stack: Stack, stalls: Mapping[str, tuple[str, str]], latest: int) -> AsyncIterator[dict[str, int]]:
    """A further process for each point, which will stand still there; gives their pids."""
    rng = random.Random(f"{SEED} {list(stalls)}")
    wanted = {
        f"{process}-stalled": (process, {VARIABLE: f"{point}=stop@{rng.randint(1, latest)}"})
        for point, (process, _) in stalls.items()
    }
    alone = [process for point, (process, _) in stalls.items() if point.startswith("relay.")]
    for process in alone:  # one relay of a lane works at a time: it is to be the further one's
        await asyncio.to_thread(stack.stop, process)
    async with further(stack, wanted) as pids:
        for process in alone:
            await asyncio.to_thread(stack.start, process)
        yield pids


async def held_at_each_stop(
    settings: SharedSettings, stalls: Mapping[str, tuple[str, str]], pids: Mapping[str, int], seconds: float
) -> dict[str, int]:
    """By point, the records that its group had not committed when its process had just come to stand there.

    Asked as each of them stands: the session of the first may be over before the last has come to its point.
    """
    held: dict[str, int] = {}

    async def all_stand() -> bool:
        stopped = await asyncio.to_thread(standing, pids.values())
        points = {point for point, pid in zip(stalls, pids.values(), strict=True) if pid in stopped}
        if new := points - held.keys():
            async with consumer_groups(settings) as known:
                unread = await known.unread(await known.ends())
            held.update({point: unread[settings.group(stalls[point][1])] for point in new})
        return len(held) == len(stalls)

    await eventually(all_stand, seconds=seconds, every=0.1, what=f"all of {pids} standing")
    return held


@pytest.mark.parametrize(("form", "stalls"), RUNS)
async def test_two_owners_of_the_same_records_do_everything_once(
    stack: Stack, form: Form, stalls: Mapping[str, tuple[str, str]]
) -> None:
    settings = settings_of(stack.env)
    groups = [settings.group(group) for _, group in stalls.values()]

    async def have_members(count: int) -> bool:
        return set((await members(settings, groups)).values()) == {count}

    async with world(stack, SEED) as there, armed(stack, stalls, form.messages // 12) as pids:
        await eventually(lambda: have_members(2), seconds=form.seconds, every=0.2, what="two members in each group")
        sending = asyncio.create_task(there.load.send(form.messages))
        held = await held_at_each_stop(settings, stalls, pids, form.seconds)
        running = await there.running()
        async with consumer_groups(settings) as known:
            ends = await known.ends()

        async def taken_over() -> bool:
            async with consumer_groups(settings) as known:
                unread = await known.unread(ends)
            return not any(unread[group] for group in groups)

        await eventually(lambda: have_members(1), seconds=form.seconds, every=0.2, what="the sessions' end")
        await eventually(taken_over, seconds=form.seconds, every=0.2, what="other owners of what was held")
        go_on(pids.values())
        await eventually(lambda: have_members(2), seconds=form.seconds, every=0.2, what="the stalled ones' return")
        await sending
        judgement = await there.over(form.seconds)
    print(f"{running} under way when all stood at {', '.join(stalls)}\n{judgement}")
    for point, (process, _) in stalls.items():
        what = f"{process} stopped at `{point}` past its session, then continued"
        record(form, Fault("Two owners for a while", what, "none lost, no copy more"), judgement)
    assert running
    assert all(count for point, count in held.items() if point.endswith(".handled")), held
    assert not judgement.violations, f"seed {SEED}\n{judgement}"
