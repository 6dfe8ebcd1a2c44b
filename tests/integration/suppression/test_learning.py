"""What outcomes teach: entries that do not depend on order, repetition or owners; tombstones; published changes."""

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from services.suppression.documents.reading import change_record, entry_of
from services.suppression.documents.updates import Removal
from services.suppression.rules import NEVER, RANKS, Lesson, Place, Reason, lesson_of
from shared.contracts.events import EventType, event_of
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import EVENTS, SUPPRESSION_CHANGES, Lane, dead_letters, routed
from shared.secrets import address_hmac
from tests.fixtures.deployment import eventually
from tests.fixtures.messages import a_message
from tests.integration.suppression.conftest import Suppressing, a_bounce, record_of

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
CLASSES = ("invalid_recipient", "invalid_domain", "inactive_mailbox")
PLACE = Place("w1")


async def documents(suppressing: Suppressing) -> dict[str, dict[str, Any]]:
    """The entries as they settle: without the mark of the outbox, the address in clear."""
    found = {}
    async for document in suppressing.deployment.database("suppression")["suppressions"].find():
        document.pop("unpublished", None)
        if "address" in document:
            document["address"] = suppressing.store.naming.open(entry_of(document))
        found[document["_id"]] = document
    return found


async def changes(suppressing: Suppressing, at_least: int = 1) -> list[SuppressionChange]:
    records = await suppressing.deployment.records(SUPPRESSION_CHANGES, at_least)
    assert all(record.key.decode() == SuppressionChange.decode(record.value).address_hmac for record in records)
    return [SuppressionChange.decode(record.value) for record in records]


def a_life(seed: int) -> list[Lesson]:
    """Some lessons about two addresses at moments that may coincide."""
    draw = random.Random(seed)
    settings_of_defaults = {Reason.INACTIVE: 90, Reason.INVALID_DOMAIN: 30}
    lessons = []
    for number in range(draw.randint(2, 7)):
        reason = draw.choice([reason for reason in Reason if reason is not Reason.ERASURE])
        at = START + timedelta(minutes=draw.randint(0, 3), milliseconds=draw.randint(0, 2))
        days = settings_of_defaults.get(reason)
        until = NEVER if days is None else at + timedelta(days=days)
        address = draw.choice(["Ann@b.example", "ann@B.example", "bob@b.example"])
        lessons.append(Lesson(PLACE, address, reason, at, until, f"e{number}", {"event_id": f"e{number}"}))
    return lessons


def expected(lessons: list[Lesson]) -> dict[str, tuple[Any, ...]]:
    """What the rules say of each address: the one that counts longest, ranks highest, is newest."""
    found = {}
    for address in {lesson.address.lower() for lesson in lessons}:
        own = [lesson for lesson in lessons if lesson.address.lower() == address]
        lead = max(own, key=lambda each: (each.until, RANKS[each.reason], each.occurred_at, each.event_id))
        times = [lesson.occurred_at for lesson in own]
        found[address] = (lead.event_id, lead.reason, lead.until, min(times), max(times))
    return found


def summary(found: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {
        each["address"]: (
            each["standing"]["event_id"], each["standing"]["reason"], each["standing"]["until"],
            each["first_seen"], each["last_seen"],
        )
        for each in found.values()
    }  # fmt: skip


async def test_lessons_give_the_same_documents_in_any_order_from_any_owner(storing: Suppressing) -> None:
    collection = storing.deployment.database("suppression")["suppressions"]
    owners = storing.make_store(), storing.make_store()
    for seed in range(25):
        await collection.delete_many({})
        lessons = a_life(seed)
        await storing.store.learn(lessons)
        once = await documents(storing)
        assert summary(once) == expected(lessons), f"seed {seed}"

        await collection.delete_many({})
        draw = random.Random(seed)
        twice = lessons * 2
        draw.shuffle(twice)
        middle = draw.randint(1, len(twice) - 1)
        await asyncio.gather(owners[0].learn(twice[:middle]), owners[1].learn(twice[middle:]))
        await owners[0].learn(draw.sample(lessons, 1))
        assert await documents(storing) == once, f"seed {seed}"


async def test_removal_wins_over_what_occurred_before_it_and_only_that(storing: Suppressing) -> None:
    lessons = [lesson for seed in range(5) for lesson in a_life(seed) if lesson.address == "bob@b.example"]
    await storing.store.learn(lessons[:2])
    entry = await storing.store.find(PLACE, "bob@b.example", START)
    assert entry is not None
    (removed,) = await storing.store.remove([(entry, Removal("k1", "api", "came back"))], guarded=True)
    assert removed is not None
    tombstone = await documents(storing)
    assert [set(each) for each in tombstone.values()] == [
        {"_id", "public_id", "workspace_id", "address_hmac", "removed_at", "removed_reason", "removals"}
    ]
    await storing.store.learn(lessons)
    assert await documents(storing) == tombstone

    later = removed["removed_at"] + timedelta(milliseconds=1)
    new = Lesson(PLACE, "bob@b.example", Reason.INACTIVE, later, later + timedelta(days=90), "new", {})
    for order in itertools.permutations([*lessons[:2], new]):
        await storing.store.learn(list(order))
        assert summary(await documents(storing)) == {
            "bob@b.example": ("new", "inactive", later + timedelta(days=90), later, later)
        }


async def test_a_hard_bounce_suppresses_the_next_message(suppressing: Suppressing) -> None:
    at = datetime(2026, 11, 20, 12, 0, 0, 123000, tzinfo=UTC)
    bounce = a_bounce("Gone@b.example", at=at)
    async with suppressing.running("check"):
        await suppressing.publish(EVENTS, bounce)
        (change,) = await changes(suppressing)
        await suppressing.publish(routed(Lane.STANDARD), a_message("gone@b.example"))
        verdict = (await suppressing.cleared())["gone@b.example"].verdict
    assert (change.scope, change.workspace_id, change.change, change.reason) == (
        "workspace:w1", "w1", "added", "hard_bounce",
    )  # fmt: skip
    assert change.address_hmac == address_hmac(suppressing.settings.pepper_bytes, "gone@b.example")
    assert verdict is not None
    assert (verdict.kind, verdict.reason) == ("suppressed", "hard_bounce")
    assert verdict.evidence["event_id"] == bounce.event_id
    assert verdict.evidence["reply"] == "550 5.1.1 no such user"


async def test_what_is_learned_and_for_how_long(suppressing: Suppressing) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    complaint = event_of(a_message("angry@b.example"), EventType.COMPLAINED, at)
    soft = a_bounce("soft@b.example")
    soft = soft.with_changes(data={**soft.data, "hard": False})
    events = [a_bounce(f"{name}@b.example", name, at) for name in CLASSES]
    async with suppressing.running("check"):
        await suppressing.publish(EVENTS, complaint, soft, a_bounce("full@b.example", "mailbox_full"), *events)
        await changes(suppressing, 4)
    found = {
        each["address"]: (each["standing"]["reason"], each["standing"]["until"])
        for each in (await documents(suppressing)).values()
    }
    assert found == {
        "angry@b.example": ("complaint", NEVER),
        "invalid_recipient@b.example": ("hard_bounce", NEVER),
        "invalid_domain@b.example": ("invalid_domain", at + timedelta(days=30)),
        "inactive_mailbox@b.example": ("inactive", at + timedelta(days=90)),
    }


async def test_what_was_stopped_is_noted_once_for_each_pass(suppressing: Suppressing) -> None:
    """By the event that ended it: a verdict on a record that came again stopped nothing."""
    await suppressing.store.add(PLACE, "stopped@b.example", Reason.MANUAL, None, None)
    message = a_message("stopped@b.example")
    verdict = {"kind": "suppressed", "evidence": {"suppression_id": "s1"}}
    data = {"reason": "manual", "scope": "workspace:w1", "verdict": verdict}
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    first, second = (event_of(message.with_changes(pass_=each), EventType.SUPPRESSED, at, data) for each in (0, 1))
    async with suppressing.running("check"):
        await suppressing.publish(routed(Lane.STANDARD), message)
        await suppressing.cleared()
        await suppressing.publish(EVENTS, first, first, second)
        await suppressing.publish(EVENTS, a_bounce("gone@b.example"))
        await changes(suppressing, 2)
    hits = await suppressing.deployment.database("suppression")["hits"].find().to_list(None)
    assert sorted((hit["message_id"], hit["pass"], hit["suppression_id"]) for hit in hits) == [
        (message.message_id, 0, "s1"),
        (message.message_id, 1, "s1"),
    ]
    assert {(hit["reason"], hit["scope"], hit["at"]) for hit in hits} == {("manual", "workspace:w1", at)}


async def test_a_change_that_was_not_published_is_published_when_the_event_is_read_again(
    suppressing: Suppressing,
) -> None:
    """A process that dies between the write and the acknowledgement leaves nothing unsaid, and says it once."""
    event = a_bounce("gone@b.example")
    lesson = lesson_of(event, suppressing.settings)
    assert lesson is not None
    await suppressing.store.learn([lesson])
    async with suppressing.running("check"):
        await suppressing.publish(EVENTS, event, event)
        (first,) = await changes(suppressing)
        await suppressing.publish(EVENTS, event, a_bounce("other@b.example"))
        again = await changes(suppressing, 2)
    other = address_hmac(suppressing.settings.pepper_bytes, "other@b.example")
    assert [change.address_hmac for change in again] == [first.address_hmac, other]


async def test_the_sweep_publishes_what_stayed(suppressing: Suppressing) -> None:
    document, created = await suppressing.store.add(PLACE, "gone@b.example", Reason.MANUAL, None, None)
    assert created
    collection = suppressing.deployment.database("suppression")["suppressions"]
    long_ago = {"unpublished.since": datetime(2026, 1, 1, tzinfo=UTC)}
    await collection.update_one({"_id": document["_id"]}, {"$set": long_ago})
    async with suppressing.running("check"):
        assert [change.change for change in await changes(suppressing)] == ["added"]

        async def unmarked() -> bool:
            return await collection.count_documents({"unpublished": {"$exists": True}}) == 0

        await eventually(unmarked)


async def test_a_change_has_the_same_id_whoever_makes_its_record(storing: Suppressing) -> None:
    lessons = a_life(1)
    ids = []
    for order in (lessons, lessons[::-1]):
        await storing.deployment.database("suppression")["suppressions"].delete_many({})
        changed = await storing.store.learn(order)
        ids.append({SuppressionChange.decode(change_record(each).value or b"").change_id for each in changed})
    assert ids[0] == ids[1]
    assert len(ids[0]) == len(expected(lessons))


async def test_an_undecodable_event_is_dead_lettered_and_the_next_is_learned(suppressing: Suppressing) -> None:
    async with suppressing.running("check"):
        broken = ("m1", b"not json", {})
        await suppressing.deployment.publish(EVENTS, [broken, record_of(a_bounce("gone@b.example"))])
        assert [change.reason for change in await changes(suppressing)] == ["hard_bounce"]
        (letter,) = await suppressing.deployment.records(dead_letters(EVENTS), 1)
    assert dict(letter.headers)["dlq.reason"] == b"undecodable"
