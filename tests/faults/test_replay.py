"""What was handled long ago comes again, and the read model is made again: nothing changes, nothing goes out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from shared.contracts.topics import LIVE, Lane, accepted
from shared.kafka.dead_letter import count_dead_letters
from shared.kafka.publish import Outgoing
from tests.faults.forms import SEED, Form, forms, full_form
from tests.faults.matrix import Fault, record
from tests.faults.quiet import under_way
from tests.faults.replay import (
    buried,
    changed,
    everything,
    expiry,
    forget_messages,
    messages,
    publish,
    publish_again,
    replay_dead_letters,
    state,
)
from tests.faults.world import World, world
from tests.fixtures.deployment import eventually
from tests.fixtures.settings import settings_of

KIND = "Replays"
PROMISED = "no state changes, nothing is sent twice"
COMMAND_SECONDS = 300


@dataclass(frozen=True)
class Moment:
    """What stands in the databases and what has left: RCPT commands by recipient, posts by event."""

    documents: dict[tuple[str, str, str], str]
    attempts: Counter[str]
    posts: Counter[tuple[str, int]]


async def moment(there: World, seconds: float) -> Moment:
    """As it is when nothing moves any more."""

    async def nothing_moves() -> bool:
        return not await under_way(there.stack.env)

    await eventually(nothing_moves, seconds=seconds, every=0.5, what="quiet")
    attempts = await there.witness.copies(there.load.answered, "attempts")
    return Moment(await state(settings_of(there.stack.env)), attempts, await there.witness.webhooks())


def assert_same(before: Moment, after: Moment) -> None:
    assert not changed(before.documents, after.documents)
    assert after.attempts == before.attempts
    assert after.posts == before.posts


def posthorn(stack: Stack, *arguments: str) -> str:
    """What the command says."""
    command = [str(Path(sys.executable).with_name("posthorn")), *arguments]
    done = subprocess.run(command, env=stack.env, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("form", forms(short=120))
async def test_each_topic_from_its_first_record_changes_nothing(stack: Stack, form: Form) -> None:
    """Once in the middle of a load, so that messages under way come twice too, and once after it."""
    settings = settings_of(stack.env)
    async with world(stack, f"replay-{SEED}") as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            await there.answered(form.messages // 2, form.seconds)
            running = await there.running()
            first = await everything(settings, LIVE)
            await publish_again(settings, first)
        loaded = await there.over(form.seconds)
        await publish(settings, map(expiry, await everything(settings, map(accepted, Lane), there.made_at)))

        before = await moment(there, form.seconds)
        second = await everything(settings, LIVE)
        began = time.monotonic()
        await publish_again(settings, second)
        after = await moment(there, form.seconds)
        recovery = time.monotonic() - began
        judgement = await there.over(form.seconds)
    print(f"{len(first)} records with {running} messages under way, then {len(second)}\n{loaded}\n{judgement}")
    fault = "Each topic from its first record into the running system"
    record(form, Fault(KIND, fault, PROMISED), judgement, recovery)
    assert running
    assert {each.topic for each in second} == {settings.topic(name) for name in LIVE}
    assert not loaded.violations, str(loaded)
    assert_same(before, after)
    assert not judgement.violations, str(judgement)


@pytest.mark.parametrize("form", full_form())
async def test_dead_letters_of_old_records_change_nothing(stack: Stack, form: Form) -> None:
    """Every record of a load from the dead letters, and between them one that no consumer can read."""
    settings = settings_of(stack.env)
    async with world(stack, f"dlq-{SEED}") as there:
        await there.load.send(form.messages)
        await there.over(form.seconds)
        old = await everything(settings, LIVE, there.made_at)
        await publish(settings, [buried(settings, each) for each in old])
        await publish(settings, [Outgoing(topic, "broken", b"not a record") for topic in LIVE])

        before = await moment(there, form.seconds)
        broken = await count_dead_letters(settings, LIVE)
        began = time.monotonic()
        replayed = sum([await replay_dead_letters(settings, topic) for topic in LIVE])
        after = await moment(there, form.seconds)
        recovery = time.monotonic() - began
        judgement = await there.over(form.seconds)
        again = await count_dead_letters(settings, LIVE)
    print(f"{len(old)} old records, {replayed} dead letters replayed\n{judgement}")
    fault = "Dead letters of old records replayed"
    record(form, Fault(KIND, fault, PROMISED), judgement, recovery)
    assert replayed > len(old)
    assert all(again[topic] > broken[topic] for topic in LIVE), f"{broken} before, {again} after"
    assert_same(before, after)
    assert not judgement.violations, str(judgement)


@pytest.mark.parametrize("form", full_form())
async def test_a_rebuild_from_nothing_under_load_gives_the_same_read_model(stack: Stack, form: Form) -> None:
    """The documents of all messages go while half of a load is under way; `posthorn rebuild` makes them again."""
    settings = settings_of(stack.env)
    async with world(stack, f"rebuild-{SEED}") as there:
        await there.load.send(form.messages // 2)
        first = await there.over(form.seconds)
        before = await messages(settings)
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages - form.messages // 2))
            await there.answered(form.messages * 3 // 4, form.seconds)
            running, forgotten = await there.running(), await forget_messages(settings)
            began = time.monotonic()
            said = await asyncio.to_thread(posthorn, stack, "rebuild")
        judgement = await there.over(form.seconds)
        recovery = time.monotonic() - began
        after = await messages(settings)
    print(f"{forgotten} documents forgotten with {running} messages under way: {said}{first}\n{judgement}")
    fault = "Read model emptied under load, and rebuilt"
    record(form, Fault(KIND, fault, "the same read model"), judgement, recovery)
    assert running
    assert forgotten >= len(before) >= form.messages // 2
    assert not first.violations, str(first)
    assert {id_: after.get(id_) for id_ in before} == before
    assert not judgement.violations, str(judgement)
