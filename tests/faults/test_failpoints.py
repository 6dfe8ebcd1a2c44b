"""Processes kill themselves at named points between their effects, under a load: nothing is lost, nothing twice unsaid.

POSTHORN_TEST_SEED chooses another load and other moments.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence

import pytest

from deploy.local.stack import Stack
from shared.failpoints import POINTS
from tests.faults.deaths import STAGES
from tests.faults.falling import die, load
from tests.faults.forms import FULL_MARKS, FULL_SECONDS, SEED, SHORT_MARKS, SHORT_SECONDS, Form
from tests.faults.matrix import Fault, record
from tests.faults.test_webhook_tasks import POINTS as TASK_POINTS
from tests.faults.world import World, world

# The process that reaches each; `outbox.published` is reached in more than one.
POINTS_OF: Mapping[str, Sequence[str]] = {
    "http": ("ingest.content_stored", "ingest.submission_stored"),
    "ingest": (
        *("relay.published", "relay.marked", "ingest.projector.standard.handled", "ingest.projector.events.handled"),
        *("ingest.projector.webhooks.handled", "ingest.replies.handled"),
    ),
    "router": ("router.route.standard.handled", "router.health.handled"),
    "suppression": ("suppression.check.standard.handled", "suppression.learn.handled"),
    "sender": (
        *("sender.inserted", "sender.deliver.standard.handled", "sender.claimed", "sender.begun", "sender.sent_body"),
        *("sender.marked", "sender.replied"),
        *("sender.recorded", "outbox.published", "sender.released"),
    ),
    "webhooks": (
        *("webhooks.inserted", "webhooks.events.handled", "webhooks.accepted.standard.handled", "webhooks.posting"),
        *("webhooks.posted", "webhooks.kept", "webhooks.recorded", "outbox.published"),
    ),
}
QUICK = {
    "http": ("ingest.submission_stored",),
    "ingest": ("relay.published",),
    "router": ("router.route.standard.handled",),
    "suppression": ("suppression.check.standard.handled",),
    "sender": ("sender.marked", "sender.dotted", "sender.replied"),
    "webhooks": ("webhooks.posted",),
}
RUNS = [
    pytest.param(Form("short", 120, SHORT_SECONDS), QUICK, id="short", marks=SHORT_MARKS),
    *(
        pytest.param(
            Form("full", 2000, FULL_SECONDS), {process: (point,)}, id=f"full-{process}-{point}", marks=FULL_MARKS
        )
        for process, points in POINTS_OF.items()
        for point in points
    ),
]
PROMISED = {
    "sender.marked": "none lost; said to be ambiguous, for the dot might have left",
    "sender.replied": "none lost; said to be ambiguous before it is sent once more",
}
RARE = {"sender.claimed"}  # of what has found no room when it came


async def fall(there: World, process: str, points: Sequence[str], latest: int, rng: random.Random) -> dict[str, int]:
    """Lets a process kill itself at each of the points in turn, and starts it again.

    Returns how many accepted messages were on their way at each of these moments.
    """
    running: dict[str, int] = {}
    await asyncio.to_thread(there.stack.stop, process)
    for point in points:
        await die(there, process, point, 1 if point in RARE else rng.randint(1, latest))
        running[point] = await there.running()
    await asyncio.to_thread(there.stack.start, process)
    return running


@pytest.mark.parametrize(("form", "points_of"), RUNS)
async def test_a_kill_between_two_effects_loses_nothing_and_sends_nothing_twice_unsaid(
    stack: Stack, form: Form, points_of: Mapping[str, Sequence[str]]
) -> None:
    rng = random.Random(f"{SEED} {points_of}")
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            fallen = [
                group.create_task(fall(there, process, points, max(2, form.messages // 10), rng))
                for process, points in points_of.items()
            ]
            group.create_task(load(there, form.messages, fallen))
        judgement = await there.over(form.seconds)
    running = {point: count for task in fallen for point, count in task.result().items()}
    print(f"running at each kill: {running}\n{judgement}")
    for process, (point, *_) in points_of.items():
        promised = PROMISED.get(point, "none lost, no copy more")
        record(form, Fault("kill -9 at a named point", f"{process} at `{point}`", promised), judgement)
    assert any(running.values()), running
    assert not judgement.violations, f"seed {SEED}, {running}\n{judgement}"


def test_the_points_that_a_load_reaches_are_all_tried() -> None:
    tried = {point for points in POINTS_OF.values() for point in points} | STAGES.keys() | {*TASK_POINTS}
    # a load brings nothing back: `tests/integration/sender/test_return_kills.py` does; nor does it erase anybody
    others = ("critical.handled", "config.handled", "changes.handled", "commands.handled", "returns.stored",
              "erasures.handled", "erased.handled", "erasures.part", "erasures.redacted")  # fmt: skip
    assert [name for name in POINTS if name not in tried and not name.endswith(others)] == []
