"""A message that fails without being sampled has a whole trace: what came before, told afterwards, and what follows."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from shared.contracts.messages import Seen, Verdict, VerdictKind
from shared.contracts.topics import EVENTS, Lane, due
from shared.kafka.dead_letter import text_headers
from shared.telemetry import names
from shared.telemetry.tracing import is_sampled, trace_id_of
from tests.fixtures.collector import open_collector
from tests.integration.sender.world import World

STAGES = ("stage published", "stage routed", "stage checked", "stage sender")


def unsampled() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def seen_at(at: datetime) -> Seen:
    """Published after 100 ms, routed after 300, checked after 400."""
    published, routed, checked = (at + timedelta(milliseconds=each) for each in (100, 300, 400))
    return Seen(accepted=at, published=published, routed=routed, checked=checked)


def ms(span: dict[str, int]) -> tuple[int, int]:
    return span["start_ns"] // 1_000_000, span["end_ns"] // 1_000_000


async def headers_of(world: World, topic: str, message_id: str) -> list[dict[str, str]]:
    records = await world.deployment.records(topic, 1)
    return [text_headers(record) for record in records if record.key == message_id.encode()]


async def test_a_deferral_is_traced_from_the_acceptance_on(world: World) -> None:
    trace, at = unsampled(), datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=2)
    message = await world.message("defer-once@sink.test", accepted_at=at, seen=seen_at(at), trace=trace)
    async with open_collector() as collector:
        async with world.sender(otlp_endpoint=collector.url):
            await world.deployment.publish(
                f"mail.cleared.{message.lane}", [(message.message_id, message.encode(), {"traceparent": trace})]
            )
            await world.events(message, "deferred")
            await world.returned()
        spans = await collector.has(trace_id_of(trace), "accept", *STAGES, "smtp.deliver", f"send {EVENTS}")
    (due_headers,) = await headers_of(world, due(Lane(message.lane)), message.message_id)
    root = spans["accept"]
    assert root["span_id"] == trace.split("-")[2]
    assert (root["parent_span_id"], root["service"]) == (None, "posthorn-ingest")
    base = round(at.timestamp() * 1000)
    assert [ms(spans[each]) for each in STAGES[:3]] == [
        (base, base + 100),
        (base + 100, base + 300),
        (base + 300, base + 400),
    ]
    assert [spans[each]["service"] for each in STAGES] == [
        f"posthorn-{each}" for each in ("ingest", "router", "suppression", "sender")
    ]
    assert all(spans[each]["parent_span_id"] == root["span_id"] for each in (*STAGES, "smtp.deliver"))
    smtp = spans["smtp.deliver"]
    assert ms(spans["stage sender"])[1] == ms(smtp)[0]
    assert smtp["status"] == "error"
    assert smtp["attributes"][names.MAIL_OUTCOME] == "deferred"
    assert smtp["attributes"][names.ERROR_TYPE]
    assert smtp["attributes"][names.MAIL_AFTERWARDS] is True
    assert spans[f"send {EVENTS}"]["parent_span_id"] == smtp["span_id"]
    assert is_sampled(due_headers["traceparent"])  # the next pass is recorded as it happens
    assert trace_id_of(due_headers["traceparent"]) == trace_id_of(trace)


async def test_what_goes_well_or_is_not_asked_for_leaves_no_span(world: World) -> None:
    async with open_collector() as collector:
        async with world.sender(otlp_endpoint=collector.url, trace_failures="bounced"):
            fine = await clear_unsampled(world, "ok@sink.test")
            deferred = await clear_unsampled(world, "defer-once@sink.test")
            bounced = await clear_unsampled(world, "permfail@sink.test")
            await world.events(fine[0], "delivered")
            await world.events(deferred[0], "deferred")
            await world.events(bounced[0], "bounced")
        await collector.has(trace_id_of(bounced[1]), "smtp.deliver")
        assert {span["trace_id"] for span in collector.spans()} == {trace_id_of(bounced[1])}


async def test_a_verdict_that_ends_a_message_is_traced_where_it_is_asked_for(world: World) -> None:
    now = datetime.now(UTC)
    verdict = Verdict(
        kind=VerdictKind.SUPPRESSED, reason="hard_bounce", scope="platform", by="suppression", checked_at=now
    )
    async with open_collector() as collector:
        async with world.sender(otlp_endpoint=collector.url, trace_failures="suppressed"):
            message, trace = await clear_unsampled(world, "gone@sink.test", verdict=verdict)
            await world.events(message, "suppressed")
        spans = await collector.has(trace_id_of(trace), "accept", "stage checked", f"send {EVENTS}")
    assert spans["stage checked"]["attributes"][names.MAIL_VERDICT] == "suppressed"
    assert "smtp.deliver" not in spans


async def test_a_retry_hours_later_has_a_trace_of_its_own_that_is_sampled_and_linked(world: World) -> None:
    at = datetime.now(UTC) - timedelta(hours=2)
    async with open_collector() as collector:
        async with world.sender(otlp_endpoint=collector.url, trace_ratio=0):
            message, trace = await clear_unsampled(world, "defer-once@sink.test", accepted_at=at, seen=seen_at(at))
            await world.events(message, "deferred")
            await world.returned()
        headers = (await headers_of(world, due(Lane(message.lane)), message.message_id))[0]["traceparent"]
        assert is_sampled(headers)
        assert trace_id_of(headers) != trace_id_of(trace)
        retry = (await collector.has(trace_id_of(headers), "retry"))["retry"]
        smtp = (await collector.has(trace_id_of(trace), "smtp.deliver"))["smtp.deliver"]
    assert {(link["trace_id"], link["span_id"]) for link in retry["links"]} == {
        (trace_id_of(trace), trace.split("-")[2]),
        (trace_id_of(trace), smtp["span_id"]),
    }


async def test_a_lost_lease_after_the_mark_is_traced(world: World) -> None:
    trace = unsampled()
    message = await world.message("ok@sink.test", trace=trace)
    async with open_collector() as collector:
        async with world.sender(otlp_endpoint=collector.url):
            deliveries = world.deployment.database("sender")["deliveries"]
            long_ago = datetime.now(UTC) - timedelta(minutes=1)
            await deliveries.insert_one(
                {
                    "_id": message.message_id, "workspace_id": "w1", "lane": str(message.lane), "pass": 0,
                    "attempt": 0, "ambiguous": 0, "state": "leased", "destination": "direct|static:*.test",
                    "lease": {"token": "lost", "until": long_ago}, "data_sent": 0, "address": "x",
                    "record": message.encode(), "trace": trace, "arrived_at": long_ago,
                }
            )  # fmt: skip
            await world.events(message, "ambiguous")
        spans = await collector.has(trace_id_of(trace), "accept", f"send {EVENTS}")
    assert spans["accept"]["span_id"] == trace.split("-")[2]


async def clear_unsampled(world: World, recipient: str, **changes: object) -> tuple:  # type: ignore[type-arg]
    """A message that was cleared under a trace that is not sampled, and that trace."""
    trace = unsampled()
    message = await world.message(recipient, trace=trace, **changes)
    record = (message.message_id, message.encode(), {"traceparent": trace})
    await world.deployment.publish(f"mail.cleared.{message.lane}", [record])
    return message, trace
