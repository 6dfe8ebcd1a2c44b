"""The sender kills itself at each stage of its conversations, 50 times, under a load: nothing is lost, and a second
copy is only of what died between the mark before its final dot and the record of the reply.

POSTHORN_TEST_SEED chooses another load and other moments.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.faults.deaths import CUT_AT, TAKEN_AT, Death, leased, moments, tally
from tests.faults.falling import die, load
from tests.faults.forms import SEED, Form, full_form
from tests.faults.judge import LOST
from tests.faults.load import CERTAIN_AND_LARGE
from tests.faults.matrix import Fault, record
from tests.faults.world import World, world
from tests.fixtures.settings import settings_of

KILLS = 50
UNTRIED = 240  # messages: as many as a process that dies may leave leased, and others that go on
# Connections are opened while others are in the middle of their conversations.
LIMITS = "[providers.static]\nmessages_per_connection = 5\n"
AMBIGUOUS_DELAYS = [1] * 20  # however often a message is cut, it is sent again
KILLED = Fault(
    "Sender killed in its conversations",
    f"kill -9 of the sender at each stage of the conversation, {KILLS} times",
    "none lost; ambiguous and perhaps twice is what was cut between its mark and its record, and nothing else",
)


async def die_at_each(there: World, planned: Sequence[tuple[str, int]], environ: Mapping[str, str]) -> list[Death]:
    """Lets the sender die at each of these moments, one process after the other, and starts one that lives."""
    settings = settings_of(there.stack.env)
    await asyncio.to_thread(there.stack.stop, "sender")
    deaths: list[Death] = []
    known: set[str] = set()
    for point, nth in planned:
        await die(there, "sender", point, nth, environ)
        left = [each for each in await leased(settings) if each["lease"]["token"] not in known]
        known |= {each["lease"]["token"] for each in left}
        deaths.append(Death.of(point, await there.running(), left))
    await asyncio.to_thread(there.stack.start, "sender", environ=environ)
    return deaths


@pytest.mark.parametrize("form", full_form(480))
async def test_only_what_dies_between_mark_and_record_is_ambiguous(stack: Stack, form: Form, tmp_path: Path) -> None:
    limits = tmp_path / "providers.toml"
    limits.write_text(LIMITS)
    environ = {"POSTHORN_PROVIDERS_FILE": str(limits), "POSTHORN_AMBIGUOUS_DELAYS": json.dumps(AMBIGUOUS_DELAYS)}
    planned = moments(KILLS, random.Random(f"conversations {SEED}"))
    async with world(stack, SEED, mix=CERTAIN_AND_LARGE) as there:
        async with asyncio.TaskGroup() as group:
            dying = group.create_task(die_at_each(there, planned, environ))
            group.create_task(load(there, form.messages, [dying], UNTRIED))
        deaths = dying.result()
        judgement = await there.over(form.seconds, cut={one for death in deaths for one in death.cut})
        by_recipient = await there.witness.copies(there.load.answered)
    await asyncio.to_thread(stack.stop, "sender")  # which has settings that are no other test's
    copies = {id_: by_recipient[one.recipient] for id_, one in there.load.answered.items()}
    lost = {violation.message_id for violation in judgement.violations if violation.rule in LOST}
    found = tally(deaths, copies, lost)
    print("\n".join(f"{point}: {counts}" for point, counts in found.items()), judgement, sep="\n")
    record(form, KILLED, judgement, stages=found)
    assert not judgement.violations, f"seed {SEED}\n{judgement}"
    assert not judgement.counts["failed messages"], "not delivered at all, for it was cut too often"
    assert [point for point, counts in found.items() if not (counts["kills"] and counts["running"])] == []
    assert [death.point for death in deaths if death.point in CUT_AT and not death.cut] == []
    assert [point for point in TAKEN_AT if not found[point]["second copies"]] == []
    assert judgement.counts["second copies"] == sum(counts["second copies"] for counts in found.values())
