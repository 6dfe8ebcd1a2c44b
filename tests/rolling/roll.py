"""A roll-out under a steady load, and what it showed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.contracts.topics import LIVE
from shared.kafka.dead_letter import count_dead_letters
from tests.faults.falling import load
from tests.faults.judge import DUPLICATED, LOST, Judgement
from tests.faults.load import CERTAIN
from tests.faults.world import World, world
from tests.fixtures.settings import settings_of
from tests.rolling.fleet import Fleet

RESULTS = Path(__file__).parent / "results"
UNTRIED = 400
LOOK_SECONDS = 0.25
END_SECONDS = 300.0


@dataclass
class Rolled:
    """What a roll-out showed. `seconds` are those of the load; `longest_pause` is how long the sink took nothing while
    it went on; `refusals` what the API answered otherwise than with 202, or did not answer."""

    judgement: Judgement
    restarts: int
    seconds: float
    longest_pause: float
    refusals: list[str]
    dead_letters: dict[str, int]

    def figures(self) -> dict[str, Any]:
        """For the results: counts of messages, processes and seconds."""
        counts, violations = self.judgement.counts, self.judgement.violations
        return {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "messages": self.judgement.messages,
            "messages_per_second": round(self.judgement.messages / self.seconds, 1),
            "restarts": self.restarts,
            "refused_or_unanswered": len(self.refusals),
            "lost": len({each.message_id for each in violations if each.rule in LOST}),
            "duplicates": len({each.message_id for each in violations if each.rule in DUPLICATED}),
            "ambiguous": counts["ambiguous events"],
            "second_copies": counts["second copies"],
            "second_webhook_posts": counts["second webhook posts"],
            "dead_letters": sum(self.dead_letters.values()),
            "longest_pause_of_delivery_seconds": round(self.longest_pause, 2),
            "violations": len(violations),
        }

    def keep(self, name: str) -> None:
        """Writes the figures, to be quoted."""
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(self.figures(), indent=2) + "\n")

    def check(self) -> None:
        """Every promise: nothing lost, nothing twice, no refusal, no dead letter, every webhook heard."""
        said = f"{self.figures()}\n{self.refusals[:10]}\n{self.dead_letters}\n{self.judgement}"
        assert not self.judgement.violations, said
        assert not self.refusals, said
        assert not any(self.dead_letters.values()), said
        assert self.judgement.counts["ambiguous events"] == self.judgement.counts["second copies"] == 0, said


async def roll_all(fleet: Fleet, seed: str, names: Iterable[str]) -> Rolled:
    """Replaces the named processes one after the other, while a load goes on, and judges when all is quiet."""
    restarts = list(names)
    async with world(fleet.stack, seed, mix=CERTAIN) as there:
        began = time.monotonic()

        async def restart() -> None:
            await there.answered(UNTRIED // 2, END_SECONDS)
            for name in restarts:
                await fleet.roll(name)

        rolling = asyncio.create_task(restart())
        watching = asyncio.create_task(_longest_pause(there))
        try:
            await load(there, UNTRIED, [rolling], UNTRIED)
            seconds = time.monotonic() - began
            await rolling
        finally:
            watching.cancel()
            rolling.cancel()
            pauses = await asyncio.gather(watching, rolling, return_exceptions=True)
        judgement = await there.over(END_SECONDS, cut=())
        refusals = [f"{each.status} after {each.seconds:.2f} s" for each in there.load.refusals]
        dead = await count_dead_letters(settings_of(fleet.stack.env), LIVE)
    assert isinstance(pauses[0], float), pauses
    return Rolled(judgement, len(restarts), seconds, pauses[0], refusals, dead)


async def _longest_pause(there: World) -> float:
    """The longest time in which the sink took nothing, from its first message on, until this is canceled."""
    taken, since, longest = 0, time.monotonic(), 0.0
    try:
        while True:
            now = sum((await there.witness.copies(there.load.answered)).values())
            if now > taken or not taken:
                longest = max(longest, time.monotonic() - since) if taken else 0.0
                taken, since = now, time.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
    except asyncio.CancelledError:
        return max(longest, time.monotonic() - since)
