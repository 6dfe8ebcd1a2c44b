"""The relay: fair between workspaces, held back by what nobody has read yet, and never a loss."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.ingest.app import create_app
from services.ingest.handlers import Projection
from services.ingest.publication.lag import LagWatch
from services.ingest.publication.relay import observe_backlog
from services.ingest.settings import Settings
from services.ingest.store.messages import Messages
from shared.contracts.events import Event, EventType
from shared.contracts.messages import Message
from shared.contracts.record import MAX_RECORD_BYTES
from shared.contracts.stages import StageReport
from shared.contracts.topics import EVENTS, LIVE, STAGE_REPORTS, Lane, accepted, due
from shared.kafka.batch import Incoming
from shared.kafka.dead_letter import text_headers
from shared.kafka.lag import LagMeter, Reader
from shared.telemetry.tracing import trace_id_of
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.submitted import STANDARD, Works, ids_of, open_works, submission
from tests.unit.ingest.lives import TRACE


async def test_what_waits_is_published_marked_and_traced(deployment: Deployment) -> None:
    async with open_works(deployment) as works:
        two = submission(messages=2)
        await works.submit(two)
        assert not await works.relay.turn()  # nothing more waits
        records = await deployment.records(STANDARD, at_least=2)
        assert {record.key.decode() for record in records} == ids_of(two)
        assert {Message.decode(record.value).message_id for record in records} == ids_of(two)
        headers = [text_headers(record)["traceparent"] for record in records]
        assert {trace_id_of(header) for header in headers} == {trace_id_of(TRACE)}
        assert TRACE not in headers  # each is under a span of its own
        assert len(set(headers)) == 2
        stored = await works.stored(two)
        assert "pending" not in stored
        assert stored["sweep_at"] - stored["published_at"] == timedelta(minutes=15)
        assert not await works.relay.turn()


async def test_what_waits_is_reported_to_who_shows_the_queue(deployment: Deployment) -> None:
    await deployment.prepare(topics=(STAGE_REPORTS,))
    async with open_works(deployment) as works:
        waits = submission()
        await works.base.database["submissions"].insert_one(waits)
        await observe_backlog(works.store, works.base.publisher)
        records = await deployment.records(STAGE_REPORTS, at_least=2)
    reports = {report.lane: report for report in (StageReport.decode(record.value) for record in records)}
    assert {lane: (each.stage, each.count, each.more) for lane, each in reports.items()} == {
        Lane.CRITICAL: ("outbox", 0, False),
        Lane.STANDARD: ("outbox", 1, False),
    }
    assert (reports[Lane.CRITICAL].oldest_at, reports[Lane.STANDARD].oldest_at is not None) == (None, True)


async def test_only_the_messages_that_are_pending_are_published(deployment: Deployment) -> None:
    async with open_works(deployment) as works:
        three = submission(messages=3)
        three["pending"] = three["pending"][1:2]
        await works.submit(three)
        await works.publish_all()
        assert await works.published() == three["pending"]


async def test_a_flood_of_one_workspace_leaves_others_their_share_of_every_turn(deployment: Deployment) -> None:
    async with open_works(deployment, relay_batch=10) as works:
        flood = [submission("a-flood") for _ in range(95)]
        few = [submission("b-few"), submission("c-few")]
        await works.submit(*flood, *few)
        assert await works.relay.turn()  # more waits
        published = set(await works.published())
        assert ids_of(*few) <= published
        assert len(published) == 10  # what the few leave of their shares is the flood's
        await works.publish_all()
        assert Counter(await works.published()) == Counter(ids_of(*flood, *few))


async def test_two_floods_have_the_same_share(deployment: Deployment) -> None:
    async with open_works(deployment, relay_batch=10) as works:
        floods = {name: ids_of(*(one for one in made)) for name, made in (await _two_floods(works)).items()}
        for _ in range(4):
            await works.relay.turn()
        published = set(await works.published())
        assert [len(published & ids) for ids in floods.values()] == [20, 20]


async def test_more_workspaces_than_a_turn_serves_are_served_one_after_the_other(deployment: Deployment) -> None:
    async with open_works(deployment, relay_batch=3) as works:
        floods = {name: [submission(name) for _ in range(6)] for name in "abcde"}
        await works.submit(*(one for made in floods.values() for one in made))
        for _ in range(5):
            await works.relay.turn()
        published = set(await works.published())
        assert [len(published & ids_of(*made)) for made in floods.values()] == [3, 3, 3, 3, 3]
        await works.publish_all()
        assert Counter(await works.published()) == Counter(ids_of(*(one for made in floods.values() for one in made)))


async def _two_floods(works: Works) -> dict[str, list[dict[str, object]]]:
    floods = {name: [submission(name) for _ in range(40)] for name in ("a", "b")}
    await works.submit(*floods["a"], *floods["b"])
    return floods


async def test_one_turn_takes_some_hundred_messages_however_many_recipients_there_are(deployment: Deployment) -> None:
    async with open_works(deployment, relay_batch=10) as works:
        await works.submit(*(submission(messages=4) for _ in range(10)))
        await works.relay.turn()
        assert len(await works.published()) == 12


async def test_nothing_is_published_past_what_is_unread_downstream(deployment: Deployment) -> None:
    """The router's group stands still: the bound holds; it reads on: so does the relay."""
    async with open_works(deployment, relay_unread_max=30) as works:
        await works.submit(*(submission() for _ in range(100)))
        for _ in range(10):
            await works.relay.turn()
        assert len(await works.published()) == 30
        await works.watch.measure()
        assert not await works.relay.turn()

        await commit(deployment, 20, works.relay.allowance.paths)
        await works.watch.measure()
        assert works.relay.allowance.left == 20
        await works.publish_all()
        assert len(await works.published()) == 50


async def test_the_bound_holds_however_long_kafka_cannot_be_asked(deployment: Deployment) -> None:
    async with open_works(deployment, relay_unread_max=30) as works:
        await works.submit(*(submission() for _ in range(100)))
        away = deployment.settings(Settings, kafka_bootstrap="127.0.0.1:1")
        watch = LagWatch(LagMeter(away), [works.relay.allowance], 1)
        for _ in range(5):
            with pytest.raises((KafkaError, TimeoutError)):
                await watch.measure()
            await works.relay.turn()
        assert len(await works.published()) == 30


async def test_a_topic_that_was_deleted_and_made_again_never_counts_less_than_nothing(deployment: Deployment) -> None:
    async with open_works(deployment, relay_unread_max=30) as works:
        await works.submit(*(submission() for _ in range(20)))
        await works.publish_all()
        await commit(deployment, 20, works.relay.allowance.paths)
        await works.watch.measure()
        assert works.relay.allowance.left == 30

        admin = AIOKafkaAdminClient(bootstrap_servers=deployment.shared.kafka_bootstrap)
        await admin.start()
        await admin.delete_topics([deployment.shared.topic(STANDARD)])
        await admin.close()
        await deployment.prepare(topics=(STANDARD,))
        await deployment.publish(STANDARD, [(str(number), b"{}", {}) for number in range(12)])
        await commit(deployment, 20, works.relay.allowance.paths)

        async def counted() -> bool:
            with suppress(KafkaError, TimeoutError):
                await works.watch.measure()
                return True
            return False

        await eventually(counted)
        assert works.relay.allowance.left == 30


async def test_retries_count_as_unread_too(deployment: Deployment) -> None:
    async with open_works(deployment, relay_unread_max=30) as works:
        await deployment.publish(due(Lane.STANDARD), [(str(number), b"{}", {}) for number in range(12)])
        await works.watch.measure()
        assert works.relay.allowance.left == 18


async def commit(deployment: Deployment, offset: int, paths: tuple[tuple[Reader, ...], ...]) -> None:
    """Has every group that reads `mail.accepted.*` come as far as `offset`."""
    for group in {reader.group for path in paths for reader in path if reader.topic == STANDARD}:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=deployment.shared.kafka_bootstrap,
            group_id=deployment.shared.group(group),
            enable_auto_commit=False,
        )
        await consumer.start()
        partition = TopicPartition(deployment.shared.topic(STANDARD), 0)
        consumer.assign([partition])
        await consumer.commit({partition: offset})
        await consumer.stop()


async def test_a_kill_between_publishing_and_marking_publishes_again_and_changes_no_view(
    deployment: Deployment,
) -> None:
    async with open_works(deployment) as works:
        once = submission(messages=2)
        await works.submit(once)
        taken, _ = await works.store.waiting(Lane.STANDARD, 100)
        await works.relay.publish(taken)
        projection = Projection(Messages(works.base.database))
        await projection.accepted(await batch(deployment))
        before = await works.base.database["messages"].find({}).sort("_id", 1).to_list(None)

        await works.publish_all()  # another process, after the first was killed before its mark
        assert Counter(await works.published()) == Counter(list(ids_of(once)) * 2)
        await projection.accepted(await batch(deployment))
        assert await works.base.database["messages"].find({}).sort("_id", 1).to_list(None) == before
        assert "pending" not in await works.stored(once)


async def batch(deployment: Deployment) -> list[Incoming[Message]]:
    records = await deployment.records(STANDARD)
    return [Incoming(Message.decode(record.value), STANDARD, record) for record in records]


async def test_a_record_that_is_too_large_makes_its_message_stuck_and_stops_nothing(deployment: Deployment) -> None:
    async with open_works(deployment) as works:
        large = submission(record={"metadata": {"much": "x" * MAX_RECORD_BYTES}})
        small = submission()
        await works.submit(large, small)
        await works.publish_all()
        assert await works.published() == list(ids_of(small))
        [record] = await deployment.records(EVENTS, at_least=1)
        event = Event.decode(record.value)
        assert (event.type, event.message_id) == (EventType.STUCK, *ids_of(large))
        assert event.data["reason"] == "record_too_large"
        assert "pending" not in await works.stored(large)


async def test_only_one_process_relays_a_lane_and_another_takes_over(deployment: Deployment) -> None:
    await deployment.prepare("ingest", topics=(*LIVE, STAGE_REPORTS))
    settings = deployment.settings(Settings)
    first, second = (create_app(settings, {"relay"}) for _ in range(2))
    submissions = deployment.database("ingest")["submissions"]

    async def all_published() -> bool:
        return await submissions.count_documents({"pending": {"$exists": True}}) == 0

    async with second.run():
        async with first.run():
            documents = [submission(f"w{number}") for number in range(20)]
            await submissions.insert_many(documents)
            await eventually(all_published)
        later = submission(lane="critical")
        await submissions.insert_one(later)
        await eventually(all_published)
    records = await deployment.records(STANDARD, at_least=20)
    assert Counter(record.key.decode() for record in records) == Counter(ids_of(*documents))
    [critical] = await deployment.records(accepted(Lane.CRITICAL), at_least=1)
    assert critical.key.decode() in ids_of(later)
