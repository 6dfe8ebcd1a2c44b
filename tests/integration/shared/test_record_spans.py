"""The spans of records on a real broker: where they are sent, where they are handled, and where they get stuck."""

from __future__ import annotations

import asyncio

from shared.contracts.messages import Message
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import EVENTS, SUPPRESSION_CHANGES, Lane, cleared, dead_letters
from shared.kafka.batch import BatchConsumer, Incoming
from shared.kafka.connection import KafkaConnection
from shared.kafka.dead_letter import text_headers
from shared.kafka.fetching import Fetching
from shared.kafka.publish import Outgoing
from shared.kafka.stuck import stuck_event
from shared.settings import SharedSettings
from shared.telemetry import names
from shared.telemetry.tracing import Tracing, is_sampled
from tests.fixtures.collector import open_collector
from tests.fixtures.deployment import Deployment
from tests.fixtures.messages import a_message
from tests.integration.shared.test_batch import TOPICS, Consumed, change


async def test_records_that_are_sampled_have_a_span_where_they_are_sent_and_where_they_are_handled(
    deployment: Deployment,
) -> None:
    await deployment.prepare(topics=TOPICS)
    caller = f"00-{'a' * 31}1-{'b' * 15}2-01"
    async with open_collector() as collector:
        settings = deployment.settings(SharedSettings, otlp_endpoint=collector.url)
        tracing = Tracing(settings, "test")
        async with Consumed(deployment, tracing=tracing) as consumed:

            def fail(record: SuppressionChange) -> None:
                if record.change_id == "change-2":
                    raise ValueError("a fault")

            consumed.fail = fail
            records = [
                Outgoing(SUPPRESSION_CHANGES, f"key-{each}", change(each).encode(), {"traceparent": caller})
                for each in (1, 2)
            ]
            unsampled = Outgoing(SUPPRESSION_CHANGES, "key-3", change(3).encode(), {"traceparent": f"{caller[:-1]}0"})
            await consumed.kafka.publisher.publish([*records, unsampled])
            await consumed.has("change-1", "change-3")
            await deployment.records(dead_letters(SUPPRESSION_CHANGES), at_least=1)
        await asyncio.to_thread(tracing.shutdown)
        spans = collector.spans(caller.split("-")[1])
    by_id = {span["span_id"]: span for span in spans}
    sent = [span for span in spans if span["name"] == f"send {SUPPRESSION_CHANGES}"]
    handled = [span for span in spans if span["name"] == f"process {SUPPRESSION_CHANGES}"]
    assert (len(sent), len(handled)) == (2, 2)
    assert all(span["kind"] == "producer" and span["parent_span_id"] == caller.split("-")[2] for span in sent)
    for span in handled:
        made = by_id[span["parent_span_id"]]
        assert made in sent
        assert [link["span_id"] for link in span["links"]] == [made["span_id"]]
        assert span["kind"] == "consumer"
        for name in (names.KAFKA_OFFSET, names.MESSAGING_PARTITION, names.KAFKA_KEY, names.MESSAGING_DESTINATION):
            assert span["attributes"][name] == made["attributes"][name], name
        assert span["attributes"][names.MESSAGING_GROUP] == deployment.shared.group("test")
    bad = next(span for span in handled if span["attributes"][names.KAFKA_KEY] == "key-2")
    assert [span["status"] for span in handled if span is not bad] == ["unset"]
    assert (bad["status"], bad["attributes"][names.ERROR_TYPE]) == ("error", "ValueError")
    assert {name for span in spans for name in span["attributes"]} <= {
        each for each in vars(names).values() if isinstance(each, str)
    }


async def test_what_gets_stuck_is_traced_from_then_on(deployment: Deployment) -> None:
    await deployment.prepare(topics=(*TOPICS, cleared(Lane.STANDARD), dead_letters(cleared(Lane.STANDARD)), EVENTS))
    trace = f"00-{'c' * 31}1-{'d' * 15}2-00"
    message = a_message(trace=trace)
    async with open_collector() as collector:
        settings = deployment.settings(SharedSettings, otlp_endpoint=collector.url)
        tracing = Tracing(settings, "test")
        kafka = KafkaConnection(settings, "test", tracing)

        async def handle(batch: list[Incoming[Message]]) -> None:
            raise ValueError("a fault")

        kafka.attach(
            BatchConsumer(
                "test",
                {cleared(Lane.STANDARD): Message},
                handle,
                settings=settings,
                publisher=kafka.publisher,
                tracing=tracing,
                fetching=Fetching(wait_ms=10, min_bytes=1, records=100),
                on_dead=stuck_event,
            )
        )
        async with kafka:
            record = (message.message_id, message.encode(), {"traceparent": trace})
            await deployment.publish(cleared(Lane.STANDARD), [record])
            (told,) = await deployment.records(EVENTS, at_least=1)
            await kafka.stop_consuming()
        await asyncio.to_thread(tracing.shutdown)
        spans = {span["name"]: span for span in collector.spans(trace.split("-")[1])}
    assert is_sampled(text_headers(told)["traceparent"])
    assert spans["accept"]["span_id"] == trace.split("-")[2]
    assert spans[f"send {EVENTS}"]["parent_span_id"] == trace.split("-")[2]
