"""The projector on MongoDB and Kafka: the same documents as the pure fold, whatever comes twice, late or at once."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from services.ingest.app import create_app
from services.ingest.handlers import Projection
from services.ingest.projection.fold import apply, fold
from services.ingest.settings import Settings
from services.ingest.store.messages import Messages
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import Message
from shared.contracts.record import Record
from shared.contracts.topics import EVENTS, LIVE, WEBHOOK_EVENTS, dead_letters
from shared.contracts.webhooks import WebhookAttempt
from shared.kafka.batch import Incoming
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.submitted import STANDARD, submission
from tests.unit.ingest.lives import BEGAN, lives, make_message, outcome, webhook

LIVES = 40


def drawn_lives() -> list[list[Event]]:
    """Lives out of the same strategy as the pure tests'."""
    drawn: list[list[Event]] = []

    @settings(max_examples=LIVES, database=None, derandomize=True, phases=[Phase.generate], deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(lives())
    def draw(life: list[Event]) -> None:
        drawn.append(life)

    draw()
    return drawn


async def stored(deployment: Deployment) -> dict[str, dict[str, Any]]:
    documents = await deployment.database("ingest")["messages"].find({}).to_list(None)
    return {document["_id"]: document for document in documents}


async def test_mongodb_folds_as_the_pure_fold_does(deployment: Deployment) -> None:
    """Many lives, shuffled and repeated, in batches, by two owners at the same time."""
    await deployment.prepare("ingest")
    drawn = drawn_lives()
    everything = [event for life in drawn for event in life]
    store = Messages(deployment.database("ingest"))
    dice = random.Random(7)

    async def own(events: list[Event]) -> None:
        while events:
            size = dice.randint(1, 30)
            await store.write(fold(events[:size]))
            events = events[size:]

    orders = [dice.sample(everything, len(everything)) + dice.sample(everything, 20) for _ in range(2)]
    await asyncio.gather(*map(own, orders))
    assert await stored(deployment) == {life[0].message_id: apply(None, life) for life in drawn}


async def test_upserts_that_race_for_a_new_document_are_all_kept(deployment: Deployment) -> None:
    await deployment.prepare("ingest")
    store = Messages(deployment.database("ingest"))
    messages = [make_message() for _ in range(50)]
    types = (EventType.QUEUED, EventType.DEFERRED, EventType.DELIVERED, EventType.COMPLAINED)
    await asyncio.gather(
        *(store.write(fold(event_of(message, type_, BEGAN) for message in messages)) for type_ in types)
    )
    documents = await stored(deployment)
    assert {len(document["events"]) for document in documents.values()} == {len(types)}
    assert {document["head"]["status"] for document in documents.values()} == {"delivered"}


async def test_names_that_mongodb_could_misread_are_kept_as_they_are(deployment: Deployment) -> None:
    await deployment.prepare("ingest")
    store = Messages(deployment.database("ingest"))
    message = make_message(metadata={"a.b": "1", "$set": "2", "": "3"})
    event = event_of(message, EventType.DELIVERED, BEGAN, {"route.x": {"$inc": 1}})
    await store.write(fold([event]))
    assert (await stored(deployment))[message.message_id] == apply(None, [event])


def encoded(records: list[Any]) -> list[tuple[str, bytes, dict[str, str]]]:
    return [(record.message_id, record.encode(), {}) for record in records]


async def test_a_whole_life_is_projected_and_a_replay_rebuilds_the_same_documents(deployment: Deployment) -> None:
    await deployment.prepare("ingest", topics=(*LIVE, *map(dead_letters, LIVE)))
    database = deployment.database("ingest")
    document = submission(messages=2)
    await database["submissions"].insert_one(document)
    messages = [Message.decode(one["record"]) for one in document["messages"]]
    first = messages[0].with_changes(pass_=0, attempt=1)
    events = [
        event_of(first, EventType.DEFERRED, BEGAN, outcome(first, BEGAN, code=451)),
        event_of(first.with_changes(pass_=1, attempt=2), EventType.DELIVERED, BEGAN, outcome(first, BEGAN)),
        event_of(messages[1], EventType.SUPPRESSED, BEGAN, {"reason": "bounce"}),
    ]
    attempts = [webhook(first.message_id, number) for number in (1, 2)]
    service = create_app(deployment.settings(Settings), {"projector"})
    async with service.run():
        await deployment.publish(WEBHOOK_EVENTS, encoded(attempts))
        await deployment.publish(EVENTS, encoded([*events, events[0]]))
        await deployment.publish(STANDARD, [*encoded(messages), ("x", b"not a record", {}), *encoded(messages[:1])])

        async def complete() -> bool:
            documents = await stored(deployment)
            return (
                len(documents) == 2
                and all("subject" in one for one in documents.values())
                and (
                    len(documents[first.message_id]["events"]) == 2
                    and len(documents[first.message_id].get("webhooks", {})) == 2
                    and len(documents[messages[1].message_id]["events"]) == 1
                )
            )

        await eventually(complete)
        await deployment.records(dead_letters(STANDARD), at_least=1)
    documents = await stored(deployment)
    assert documents[first.message_id]["subject"] == "Your code"
    assert documents[first.message_id]["head"]["status"] == "delivered"
    assert documents[messages[1].message_id]["head"]["status"] == "suppressed"

    await database["messages"].drop()
    projection = Projection(Messages(database))
    await projection.webhooks(await replay(deployment, WEBHOOK_EVENTS, WebhookAttempt))
    for size in (2, 100):  # small batches, and a second time in one
        for handle, batch in (
            (projection.events, await replay(deployment, EVENTS, Event)),
            (projection.accepted, await replay(deployment, STANDARD, Message)),
        ):
            for start in range(0, len(batch), size):
                await handle(batch[start : start + size])  # type: ignore[operator]
    assert await stored(deployment) == documents


async def replay(deployment: Deployment, topic: str, model: type[Record]) -> list[Incoming[Any]]:
    """A topic from its first record."""
    records = await deployment.records(topic)
    return [Incoming(model.decode(raw.value), topic, raw) for raw in records if raw.value.startswith(b"{")]


async def test_an_acceptance_that_cannot_be_projected_makes_its_message_stuck(deployment: Deployment) -> None:
    """A NUL in a name is no document for MongoDB: the record is the fault, its neighbours go on."""
    await deployment.prepare("ingest", topics=(*LIVE, *map(dead_letters, LIVE)))
    bad, good = make_message(metadata={"a\0b": "1"}), make_message()
    service = create_app(deployment.settings(Settings), {"projector"})
    async with service.run():
        await deployment.publish(STANDARD, encoded([bad, good]))
        [letter] = await deployment.records(dead_letters(STANDARD), at_least=1)
        assert letter.key.decode() == bad.message_id
        [event] = await deployment.records(EVENTS, at_least=1)
        assert Event.decode(event.value).type is EventType.STUCK

        nameless = event_of(good, EventType.QUEUED, BEGAN).with_changes(event_id="")
        await deployment.publish(EVENTS, encoded([nameless]))
        await deployment.records(dead_letters(EVENTS), at_least=1)

        async def found() -> bool:
            return good.message_id in await stored(deployment)

        await eventually(found)
