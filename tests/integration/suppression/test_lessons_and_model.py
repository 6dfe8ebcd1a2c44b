"""What MongoDB makes of lessons, strikes, additions and removals agrees with a model of the rules in plain Python."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from services.suppression.documents.reading import entries_of, entry_of
from services.suppression.documents.updates import Addition, Removal
from services.suppression.rules import (
    NEVER,
    RANKS,
    Lesson,
    Place,
    Reason,
    Strike,
    StrikeKind,
    leading,
    lifetime_of,
    soft_lessons,
)
from services.suppression.store import Strikes
from tests.integration.suppression.conftest import Suppressing

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
PLACE, ADDRESS = Place("w1"), "ann@b.example"
LEARNED = [each for each in Reason if each not in (Reason.ERASURE, Reason.SOFT_BOUNCE_LIMIT)]
LIVES = 30


@dataclass
class Model:
    """An address by the words of the rules: everything that was learned, since the removal."""

    removed_at: datetime | None = None
    lessons: list[Lesson] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)

    def counting(self, settings: Any) -> list[Lesson]:
        def counts(each: Lesson | Strike) -> bool:
            return self.removed_at is None or each.occurred_at > self.removed_at

        return [*filter(counts, self.lessons), *soft_lessons(filter(counts, self.strikes), settings)]


def order_of(lesson: Lesson) -> tuple[Any, ...]:
    return lesson.until, RANKS[lesson.reason], lesson.occurred_at, lesson.event_id


def a_lesson(draw: random.Random, number: int, settings: Any) -> Lesson:
    reason, at = draw.choice(LEARNED), START + timedelta(minutes=draw.randint(0, 3), days=draw.randint(0, 9))
    lifetime = lifetime_of(reason, settings)
    until = NEVER if lifetime is None else at + lifetime
    return Lesson(PLACE, ADDRESS, reason, at, until, f"e{number}", {"event_id": f"e{number}"})


def a_strike(draw: random.Random, number: int) -> Strike:
    at = START + timedelta(days=draw.randint(0, 9), minutes=draw.randint(0, 3))
    kind = draw.choice(list(StrikeKind))
    return Strike(PLACE, ADDRESS, kind, draw.choice("abcd"), at, f"s{number}", {"event_id": f"s{number}"})


async def test_any_life_comes_to_what_the_model_says(storing: Suppressing) -> None:
    """In any order and twice: who stops a message, with and without complaints, and since when it is known."""
    database = storing.deployment.database("suppression")
    settings = storing.settings
    strikes = Strikes(database, storing.store, settings)
    soft = 0
    for seed in range(LIVES):
        draw = random.Random(seed)
        await database["suppressions"].delete_many({})
        await database["strikes"].delete_many({})
        lessons = [a_lesson(draw, number, settings) for number in range(draw.randint(0, 4))]
        struck = [a_strike(draw, number) for number in range(draw.randint(0, 10))]
        model = Model()
        told: list[Lesson | Strike] = [*lessons, *struck] * 2
        draw.shuffle(told)
        removed_after = draw.randint(0, len(told)) if seed % 3 == 0 else None
        for number, each in enumerate(told):
            if number == removed_after:
                await remove(storing, model)
            if isinstance(each, Lesson):
                await storing.store.learn([each])
                model.lessons.append(each)
            else:
                if found := await strikes.take([each]):
                    await storing.store.learn(found)
                model.strikes.append(each)
        await assert_agrees(storing, model, seed)
        soft += any(each.reason is Reason.SOFT_BOUNCE_LIMIT for each in model.counting(settings))
    assert soft >= 3


async def remove(storing: Suppressing, model: Model) -> None:
    entry = await storing.store.find(PLACE, ADDRESS, START)
    if entry is not None:
        (tombstone,) = await storing.store.remove([(entry, Removal(None, "api"))], guarded=True)
        assert tombstone is not None
        model.removed_at = tombstone["removed_at"]


async def assert_agrees(storing: Suppressing, model: Model, seed: int) -> None:
    document = await storing.store.document(PLACE, ADDRESS)
    counting = model.counting(storing.settings)
    if not counting:
        assert document is None or "standing" not in document, f"seed {seed}"
        return
    assert document is not None
    lead = max(counting, key=order_of)
    found = entry_of(document)
    assert (found.reason, found.until, found.evidence) == (lead.reason, lead.until, lead.evidence), f"seed {seed}"
    times = [each.occurred_at for each in counting]
    assert found.last_seen == max(times), f"seed {seed}"
    rest = [each for each in counting if each.reason is not Reason.COMPLAINT]
    spared = leading(entries_of(document), START, spare_complaints=True)
    beside = max(rest, key=order_of, default=None)
    assert (spared and spared.evidence) == (beside and beside.evidence), f"seed {seed}"


async def test_a_soft_suppression_ends_a_week_after_the_third_strike(storing: Suppressing) -> None:
    strikes = Strikes(storing.deployment.database("suppression"), storing.store, storing.settings)
    days = (datetime.now(UTC).replace(microsecond=0) - timedelta(days=each) for each in (9, 5, 1))
    for name, at in zip("abc", days, strict=True):
        strike = Strike(PLACE, ADDRESS, StrikeKind.MAILBOX_FULL, name, at, f"s{name}", {"reply": f"552 {name}"})
        found = await strikes.take([strike, strike])
        if found:
            await storing.store.learn(found)
    now = datetime.now(UTC)
    entry = await storing.store.find(PLACE, ADDRESS, now)
    assert entry is not None
    assert (entry.reason, entry.evidence) == (Reason.SOFT_BOUNCE_LIMIT, {"reply": "552 c"})
    assert timedelta(days=5, hours=23) < entry.until - now < timedelta(days=6)
    assert await storing.store.find(PLACE, ADDRESS, entry.until) is None


async def test_of_who_was_erased_no_strike_is_kept(storing: Suppressing) -> None:
    await storing.store.add(PLACE, ADDRESS, Reason.ERASURE, None, None)
    strikes = Strikes(storing.deployment.database("suppression"), storing.store, storing.settings)
    strike = Strike(PLACE, ADDRESS, StrikeKind.CONNECTION, "a", datetime.now(UTC), "s1", {"reply": ADDRESS})
    assert await strikes.take([strike]) == []
    assert await storing.deployment.database("suppression")["strikes"].count_documents({}) == 0


async def test_an_import_writes_what_an_addition_would(storing: Suppressing) -> None:
    """What is known of an address or not: the two ways of writing an entry come to the same document."""
    naming = storing.store.naming
    for addition in (
        Addition(Reason.INACTIVE, "note", timedelta(days=90), None, "import", "k1"),
        Addition(Reason.COMPLAINT, None, None, None, "import"),
        Addition(Reason.MANUAL, None, None, datetime(2090, 1, 1, tzinfo=UTC), "operator"),
    ):
        found = []
        for write in (storing.store.add_many, storing.store.import_many):
            await storing.store.collection.delete_many({})
            await write([(naming.named(PLACE, ADDRESS), addition)])
            found.append(await storing.store.document(PLACE, ADDRESS))
        (one, other) = found
        assert one is not None
        assert other is not None
        assert one["standing"].pop("until") - other["standing"].pop("until") < timedelta(minutes=1)
        assert drawn_or_told(one) == drawn_or_told(other)


def drawn_or_told(document: dict[str, Any]) -> dict[str, Any]:
    """Without its moments and what is drawn; the order of the fields of what stands decides which of two is greater."""
    standing = document["standing"]
    assert standing.pop("at") == document["first_seen"] == document["last_seen"]
    assert standing.pop("event_id") == document["unpublished"]["token"]
    gone = ("first_seen", "last_seen", "unpublished", "address")
    left = {name: value for name, value in document.items() if name not in gone}
    return left | {"standing": list(standing.items())}
