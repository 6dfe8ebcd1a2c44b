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
from tests.faults.forms import FULL_MARKS, FULL_SECONDS, SEED, SHORT_MARKS, SHORT_SECONDS, Form
from tests.faults.matrix import record
from tests.faults.owners import all_stand, further, go_on, members
from tests.faults.quiet import consumer_groups, settings_of
from tests.faults.world import world
from tests.fixtures.deployment import eventually

KIND = "Two owners for a while"
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
        await eventually(lambda: all_stand(pids.values()), seconds=form.seconds, what=f"all of {pids} standing")
        running = await there.running()
        async with consumer_groups(settings) as known:
            ends = await known.ends()
            held = await known.unread(ends)

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
        record(
            form, kind=KIND, fault=f"{process} stopped at `{point}` past its session, then continued",
            judgement=judgement, promised="none lost, no copy more", recovery_seconds=judgement.quiet_after,
        )  # fmt: skip
    assert running
    assert all(held[settings.group(group)] for point, (_, group) in stalls.items() if point.endswith(".handled")), held
    assert not judgement.violations, f"seed {SEED}\n{judgement}"
