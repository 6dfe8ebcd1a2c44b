"""Three mongods: the primary hands over, is lost, and comes back with what no majority had: nothing of it was promised.

POSTHORN_TEST_SEED chooses another load.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deploy.local.mongo_server import MongoServer
from deploy.local.stack import Stack
from shared.failpoints import VARIABLE
from tests.faults.forms import SEED, Form, full_form
from tests.faults.matrix import Fault, record
from tests.faults.mongo_set import ELECTION_MS, MongoSet, mongo_set
from tests.faults.world import SETTINGS, World, own_stack, world
from tests.fixtures.deployment import eventually
from tests.fixtures.own_ports import own_ports

PORTS = own_ports(25100)
SET_PORTS = PORTS + 100
ROLLED_BACK = Fault(
    "MongoDB",
    "three mongods: a primary is cut off, and rolls back",
    "what is rolled back was not answered with 202, no dot left for it; none lost",
)
SUBMISSIONS, DELIVERIES = "posthorn_ingest.submissions", "posthorn_sender.deliveries"


@pytest.fixture(scope="module")
def mongods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoSet]:
    with mongo_set(tmp_path_factory.mktemp("mongods"), SET_PORTS) as made:
        yield made


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, mongods: MongoSet) -> Iterator[Stack]:
    settings = {**SETTINGS, "POSTHORN_MONGO_URL": mongods.url}
    with own_stack(tmp_path_factory.mktemp("mongo-set"), PORTS, settings) as made:
        yield made


@pytest.mark.parametrize("form", full_form())
async def test_a_primary_that_steps_down_under_a_load(stack: Stack, mongods: MongoSet, form: Form) -> None:
    primaries = [mongods.primary()]
    running = []
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            for turn in (1, 2):
                await there.answered(form.messages * turn // 4, form.seconds)
                running.append(await there.running())
                await asyncio.to_thread(mongods.step_down, primaries[-1])
                primaries.append(await asyncio.to_thread(mongods.primary, primaries[-1]))
        judgement = await there.over(form.seconds)
    print(f"{running} under way; primaries {[node.port for node in primaries]}\n{judgement}")
    record(form, Fault("MongoDB", "three mongods: the primary steps down, twice", "none lost"), judgement)
    assert all(running)
    assert not judgement.violations, str(judgement)


@pytest.mark.parametrize("form", full_form())
async def test_the_loss_of_the_primary_under_a_load(stack: Stack, mongods: MongoSet, form: Form) -> None:
    lost = mongods.primary()
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            await there.answered(form.messages // 4, form.seconds)
            running = await there.running()
            await asyncio.to_thread(mongods.kill, lost)
            before = len(there.load.answered)
            elected = await asyncio.to_thread(mongods.primary, lost)
            # two of three are enough: accepting goes on before the third is back
            await there.answered(max(before + 1, form.messages // 2), form.seconds)
            await asyncio.to_thread(mongods.start, lost)
        judgement = await there.over(form.seconds)
    print(f"{running} under way; {lost.port} lost, {elected.port} elected\n{judgement}")
    record(form, Fault("MongoDB", "three mongods: kill -9 of the primary", "none lost; two are enough"), judgement)
    assert running
    assert not judgement.violations, str(judgement)


def arm(stack: Stack, messages: int) -> None:
    """Has ingest stop itself between a request's contents and its submission, and the sender before what it takes is
    delivered, each in the middle of a load."""
    for process, point in (
        ("http", f"ingest.content_stored=stop@{messages // 4}"),
        ("sender", "sender.inserted=stop@8"),
    ):
        stack.stop(process)
        stack.start(process, environ={VARIABLE: point})


async def cut_off(there: World, mongods: MongoSet, primary: MongoServer) -> list[dict[str, Any]]:
    """Takes both secondaries from a primary while ingest and the sender stand still, lets them go on, and halts the
    primary when they have written what no majority has; returns that. No dot has left for a mark that is among it."""
    for process in ("http", "sender"):
        stopped = partial(stands_still, there.stack, process)
        await eventually(partial(asyncio.to_thread, stopped), seconds=60, what=f"the stop of {process}")
    for node in mongods.others(primary):
        await asyncio.to_thread(mongods.kill, node)
    for process in ("http", "sender"):
        there.stack.kill(process, signal.SIGCONT)

    async def written() -> list[dict[str, Any]]:
        found = await asyncio.to_thread(mongods.unshared, primary)
        both = _marked(found) and any(each["op"] == "i" and each["ns"] == SUBMISSIONS for each in found)
        return found if both else []

    unshared = await eventually(
        written, seconds=ELECTION_MS / 1000, what="a submission and a mark that no majority has"
    )
    await asyncio.to_thread(mongods.halt, primary)
    answered = there.load.answered
    marked = {id_: answered[id_] for id_ in _marked(unshared) if id_ in answered}
    # an earlier pass of these may have left a copy
    copies = await there.witness.copies({id_: one for id_, one in marked.items() if "after-dot" not in one.kind})
    assert not copies.total(), f"a dot left for a mark that no majority has: {copies}"
    return unshared


def stands_still(stack: Stack, process: str) -> bool:
    """Whether a process has been stopped by a signal (its state in proc(5) is T)."""
    return Path(f"/proc/{stack.pid(process)}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _marked(operations: Sequence[dict[str, Any]]) -> list[str]:
    """The deliveries that these operations mark before their final dot."""
    return [each["o2"]["_id"] for each in operations if "data_sent" in each["o"].get("diff", {}).get("i", {})]


@pytest.mark.parametrize("form", full_form())
async def test_what_no_majority_had_is_rolled_back_and_was_never_promised(
    stack: Stack, mongods: MongoSet, form: Form
) -> None:
    old = mongods.primary()
    await asyncio.to_thread(arm, stack, form.messages)
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            unshared = await cut_off(there, mongods, old)
            running = await there.running()
            await asyncio.to_thread(mongods.start, *mongods.others(old))
            elected = await asyncio.to_thread(mongods.primary, old)
            await there.answered(len(there.load.answered) + 1, form.seconds)
            mongods.go_on(old)
            undone = await eventually(
                partial(asyncio.to_thread, mongods.rolled_back, old), seconds=form.seconds, what="a rollback"
            )
        judgement = await there.over(form.seconds)
        now = await asyncio.to_thread(mongods.present, SUBMISSIONS)
    gone = [each for each in undone.get(SUBMISSIONS, []) if each["_id"] not in now]
    print(
        f"{running} under way; {old.port} cut off, {elected.port} elected; no majority had "
        f"{Counter((each['op'], each['ns']) for each in unshared)}; rolled back "
        f"{ {name: len(documents) for name, documents in undone.items()} }, {len(gone)} submissions for good"
    )
    print(judgement)
    record(form, ROLLED_BACK, judgement)
    assert running
    assert gone
    # by their ids: what was marked may have been given back before the primary was halted
    assert {*_marked(unshared)} & {each["_id"] for each in undone[DELIVERIES]}
    promised = {message["id"] for each in gone for message in each["messages"]} & there.load.answered.keys()
    assert not promised, promised
    assert not judgement.violations, str(judgement)
