"""Activity through the projector on Kafka: counted once though it dies and reads again, and where it was lost, anew."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.ingest.app import create_app
from services.ingest.projection.projector import EVENTS_CONSUMER, WEBHOOKS_CONSUMER, accepted_consumer
from services.ingest.projection.rebuild import rebuild
from services.ingest.settings import Settings
from services.ingest.store.activity import Activity
from services.ingest.store.activity_counts import COLLECTION
from shared.contracts.events import EventType, accepted_event, event_of
from shared.contracts.topics import EVENTS, LIVE, WEBHOOK_EVENTS, Lane, accepted, dead_letters
from shared.kafka.publish import REPEATED
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.messages import a_message
from tests.integration.ingest.killed import Death, Killed
from tests.integration.ingest.smtp_door import free_ports
from tests.integration.ingest.submitted import now
from tests.unit.ingest.lives import webhook

NOW = now()
CRITICAL, STANDARD = Lane.CRITICAL, Lane.STANDARD
CONSUMERS = {
    EVENTS_CONSUMER: EVENTS,
    WEBHOOKS_CONSUMER: WEBHOOK_EVENTS,
    **{accepted_consumer(lane): accepted(lane) for lane in Lane},
}
SHORTEST_MS = 6_000  # for which Kafka at least waits for a consumer that has died


def encoded(*records: Any) -> list[tuple[str, bytes, dict[str, str]]]:
    return [(each.message_id, each.encode(), {}) for each in records]


async def publish_lives(deployment: Deployment) -> None:
    """In w1 a critical message that is delivered at its second attempt and tells a webhook, scheduled mail that was
    announced, one that cannot be projected, and between them what is no record; in w2 a message that bounces, which is
    said once more."""
    await deployment.prepare("ingest", topics=(*LIVE, *map(dead_letters, LIVE)))
    first = a_message(lane=CRITICAL, accepted_at=NOW - timedelta(seconds=8), attempt=1)
    scheduled = a_message(accepted_at=NOW, scheduled_at=NOW + timedelta(minutes=1))
    other, bad = a_message(workspace_id="w2", accepted_at=NOW), a_message(metadata={"a\0b": "1"}, accepted_at=NOW)
    timings = {"timings": {"connect": 500, "rcpt": 500}}
    again = first.with_changes(pass_=1, attempt=2)
    post = webhook(first.message_id, 2).with_changes(workspace_id="w1", occurred_at=NOW)
    await deployment.publish(WEBHOOK_EVENTS, encoded(post))
    await deployment.publish(accepted(CRITICAL), encoded(first.with_changes(attempt=0)))
    await deployment.publish(
        accepted(STANDARD), [*encoded(bad), ("x", b"not a record", {}), *encoded(scheduled, other)]
    )
    bounced = event_of(other, EventType.BOUNCED, NOW)
    events = encoded(
        accepted_event(scheduled, at=NOW),
        event_of(first, EventType.DEFERRED, NOW, {**timings, "next_at": NOW.isoformat()}),
        event_of(again, EventType.DELIVERED, NOW, timings),
        bounced,
    )
    await deployment.publish(EVENTS, [*events, (other.message_id, bounced.encode(), {REPEATED: "1"})])


LIVES = {
    ("w1", CRITICAL): Counter(accepted=1, deferred=1, delivered=1),
    ("w1", STANDARD): Counter(accepted=1),
    ("w1", "webhooks"): Counter(ok=1),
    ("w1", "waits"): Counter({"10000": 1}),
    ("w2", STANDARD): Counter(accepted=1, bounced=1),
}


async def counted(deployment: Deployment) -> dict[tuple[str, str], Counter[str]]:
    """What is counted of the last day, by workspace and lane, with the posts and the critical lane's waits."""
    found = {}
    for workspace in ("w1", "w2"):
        summed = (await Activity(deployment.database("ingest")).last(workspace, now())).total()
        parts = {**summed.lanes, "webhooks": summed.webhooks, "waits": summed.waits[CRITICAL]}
        found.update({(workspace, name): Counter(counts) for name, counts in parts.items() if counts})
    return found


async def until_counted(deployment: Deployment, wanted: dict[tuple[str, str], Counter[str]]) -> None:
    async def as_wanted() -> bool:
        seen = await counted(deployment)
        assert all(count <= wanted[key][name] for key, names in seen.items() for name, count in names.items()), seen
        return seen == wanted

    await eventually(as_wanted)


async def until_read_again(deployment: Deployment) -> None:
    """Returns once a running projector has counted everything there was, with one record more in each topic."""
    last = a_message(workspace_id="w2", accepted_at=NOW)
    post = webhook(last.message_id, 1).with_changes(workspace_id="w2", occurred_at=NOW)
    await deployment.publish(EVENTS, encoded(event_of(last, EventType.CANCELED, NOW)))
    await deployment.publish(WEBHOOK_EVENTS, encoded(post))
    for lane in Lane:
        await deployment.publish(accepted(lane), encoded(last))
    more = {("w2", STANDARD): Counter(accepted=3, bounced=1, canceled=1), ("w2", "webhooks"): Counter(failed=1)}
    await until_counted(deployment, LIVES | more)


async def test_what_a_projector_had_counted_when_it_died_is_counted_once(deployment: Deployment) -> None:
    """It dies with its batch written and the offset not committed: the next one reads that again."""
    await publish_lives(deployment)
    [port] = free_ports(1)
    death = Death("ingest.projector.events.handled=kill@1")
    killed = Killed(deployment, "ingest:projector", port, {"health_port": port, "session_timeout_ms": SHORTEST_MS})
    await killed.start(death.failpoint)
    await killed.die(death)
    assert killed.reached == [death]
    assert (await counted(deployment))["w2", STANDARD]["bounced"] == 1
    async with create_app(deployment.settings(Settings), {"projector"}).run():
        await until_read_again(deployment)


async def test_topics_that_are_read_again_from_their_first_records_are_counted_once(deployment: Deployment) -> None:
    await project(deployment)
    for name, topic in CONSUMERS.items():
        await set_back(deployment, f"ingest.{name}", topic)
    async with create_app(deployment.settings(Settings), {"projector"}).run():
        await until_read_again(deployment)


async def set_back(deployment: Deployment, group: str, topic: str) -> None:
    """Has a group that nobody is in begin at the first record."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=deployment.shared.kafka_bootstrap,
        group_id=deployment.shared.group(group),
        enable_auto_commit=False,
    )
    await consumer.start()
    partition = TopicPartition(deployment.shared.topic(topic), 0)
    consumer.assign([partition])
    assert await consumer.committed(partition)
    await consumer.commit({partition: 0})
    await consumer.stop()


async def project(deployment: Deployment) -> None:
    await publish_lives(deployment)
    async with create_app(deployment.settings(Settings), {"projector"}).run():
        await until_counted(deployment, LIVES)


async def test_a_rebuild_counts_nothing_twice_and_what_was_lost_again(deployment: Deployment) -> None:
    await project(deployment)
    collection = deployment.database("ingest")[COLLECTION]
    before = await collection.find({}).sort("_id", 1).to_list(None)
    await rebuild(deployment.shared)
    assert await collection.find({}).sort("_id", 1).to_list(None) == before

    await collection.delete_many({})
    await rebuild(deployment.shared, "beside")
    await rebuild(deployment.shared, since=NOW - timedelta(hours=1))
    assert await counted(deployment) == {}
    await rebuild(deployment.shared, workspace_id="w2")
    assert await counted(deployment) == {key: counts for key, counts in LIVES.items() if key[0] == "w2"}
    await rebuild(deployment.shared)
    assert await counted(deployment) == LIVES
