"""A sender's deaths at each stage of its conversations: when they come, and what each of them leaves behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from typing import Any

from shared.settings import SharedSettings
from tests.faults.owners import deliveries, is_marked
from tests.fixtures.deployment import eventually

CONNECTIONS, BLOCKS, MESSAGES = 30, 4, 40
# The stages in their order, and how often each is come to at most before the process dies there.
STAGES: Mapping[str, int] = {
    "sender.dialling": CONNECTIONS,
    "sender.greeted": CONNECTIONS,
    "sender.introduced": CONNECTIONS,
    "sender.encrypted": CONNECTIONS,
    "sender.begun": MESSAGES,
    "sender.in_body": BLOCKS,
    "sender.sent_body": MESSAGES,
    "sender.marked": MESSAGES,
    "sender.dotted": MESSAGES,
    "sender.replied": MESSAGES,
    "sender.recorded": MESSAGES,
}
# Where the message that the process dies with is cut after its mark, and where the sink has it then.
CUT_AT = ("sender.marked", "sender.dotted", "sender.replied")
TAKEN_AT = ("sender.dotted", "sender.replied")
SETTLE = 0.2  # seconds between two looks at what a dead process has left


@dataclass(frozen=True)
class Death:
    """One death. `running` is how many accepted messages the sink had not taken, `held` those that the process had
    leased, `cut` its conversations, as (message id, pass), whose mark was durable and whose outcome was not."""

    point: str
    running: int
    held: frozenset[str]
    cut: frozenset[tuple[str, int]]

    @classmethod
    def of(cls, point: str, running: int, left: Collection[Mapping[str, Any]]) -> Death:
        """`left`: the deliveries that the process had leased."""
        cut = frozenset((each["_id"], each["pass"]) for each in left if is_marked(each))
        return cls(point, running, frozenset(each["_id"] for each in left), cut)


def moments(number: int, rng: Random) -> list[tuple[str, int]]:
    """So many (point, time there) in random order, the stages as often as each other, the last ones rather."""
    points = list(islice(cycle(reversed(STAGES)), number))
    rng.shuffle(points)
    return [(point, rng.randint(1, STAGES[point])) for point in points]


async def leased(settings: SharedSettings) -> list[dict[str, Any]]:
    """What is leased while no sender runs: two looks that agree, for the last writes of a dead one may be on their
    way."""
    seen: list[list[dict[str, Any]]] = []

    async def agree() -> bool:
        seen.append(await deliveries(settings, {"state": "leased"}))
        return len(seen) > 1 and seen[-1] == seen[-2]

    await eventually(agree, every=SETTLE, what="deliveries that nobody changes")
    return seen[-1]


def tally(deaths: Collection[Death], copies: Mapping[str, int], lost: Collection[str]) -> dict[str, dict[str, int]]:
    """By stage, over its deaths: `kills`, messages `running`, `held` and `cut`, their `second copies`, and how many of
    those held were `lost`. `copies` at the sink are by message id; one more belongs to the first death that allows it.
    """
    left = {message_id: count - 1 for message_id, count in copies.items()}
    found = {point: dict.fromkeys(("kills", "running", "held", "cut", "second copies", "lost"), 0) for point in STAGES}
    for death in deaths:
        again = [message_id for message_id, _ in death.cut if left[message_id] > 0]
        for message_id in again:
            left[message_id] -= 1
        counted = (1, death.running, len(death.held), len(death.cut), len(again), len(death.held & set(lost)))
        of_point = found[death.point]
        found[death.point] = {name: of_point[name] + count for name, count in zip(of_point, counted, strict=True)}
    return found
