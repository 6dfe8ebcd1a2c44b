"""Messages in, decisions out: on both lanes, from both topics, with the DNS, failover and configuration behind them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.router.routes.model import RuleSet
from shared.contracts.entities import Kind, Transport
from shared.contracts.events import Event, EventType
from shared.contracts.messages import LastAttempt, Message, Versions
from shared.contracts.record import MAX_RECORD_BYTES
from shared.contracts.topics import EVENTS, Lane, accepted, dead_letters, due
from shared.kafka.dead_letter import text_headers
from tests.fixtures.deployment import eventually
from tests.fixtures.dns_server import NameServer, Says
from tests.fixtures.messages import a_message
from tests.integration.router.conftest import Router

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def smart_host(router: Router, id_: str, workspace_id: str | None = None, **changes: Any) -> None:
    fields = {"name": id_, "kind": "smarthost", "host": f"{id_}.example", "port": 587, "tls": "verify", **changes}
    await router.entities.put(Kind.TRANSPORT, id_, workspace_id, Transport(**fields).model_dump(mode="json"))


async def default_route(router: Router, *transports: str, workspace_id: str = "w1") -> None:
    await router.entities.put(Kind.ROUTE, workspace_id, workspace_id, RuleSet(transports=list(transports)).to_data())


@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize("topic", [accepted, due])
async def test_a_message_gets_its_route_in_its_lane(router: Router, lane: Lane, topic: Any) -> None:
    await router.workspace()
    message = a_message("ann@a.test", lane=lane, pass_=3, attempt=2)
    headers = {"traceparent": TRACE}
    async with router.running("route"):
        await router.deployment.publish(topic(lane), [(message.message_id, message.encode(), headers)])
        records = await router.deployment.records(f"mail.routed.{lane}", 1)
    assert [record.key for record in records] == [message.message_id.encode()]
    assert dict(records[0].headers)["traceparent"].decode().split("-")[1] == TRACE.split("-")[1]
    out = Message.decode(records[0].value)
    assert (out.verdict, out.pass_, out.attempt) == (None, 3, 2)
    assert out.route is not None
    assert (out.route.transport, out.route.kind, out.route.tls) == ("direct", "direct", "opportunistic")
    assert [(host.name, host.port) for host in out.route.hosts] == [("127.0.0.1", 2525)]
    assert (out.route.rollup, out.route.stand_in) == ("static:*.test", False)
    assert [(each.transport, each.lost) for each in out.route.candidates] == [("direct", None)]
    assert out.route.inputs == {
        "workspace_version": 1,
        "rules": {"workspace": 0, "platform": 0},
        "stream": out.stream,
        "sender_domain": "c.example",
        "recipient_domain": "a.test",
        "size": 100,
        "attempt": 2,
        "dns": "static",
        "rollup": "static:*.test",
    }
    assert out.versions == Versions(workspace=1, domain=1, transport=1)
    assert out.seen.routed is not None
    assert out.seen.checked is None


async def test_the_dns_decides_what_becomes_of_a_message(router: Router, names: NameServer) -> None:
    await router.workspace()
    names.mx("a.sample", "20 mx2.a.sample.", "10 mx1.a.sample.")
    names.mx("big.sample", "5 gmail-smtp-in.l.google.com.", "10 alt1.gmail-smtp-in.l.google.com.")
    names.mx("bare.sample")
    names.mx("null.sample", "0 .")
    names.says("broken.sample", Says(rcode="SERVFAIL"))
    domains = ["a.sample", "big.sample", "bare.sample", "null.sample", "broken.sample", "gone.sample"]
    async with router.running("route", nameservers=[names.address], dns_wait_ms=10_000, mx_port=2500):
        await router.publish(accepted(Lane.STANDARD), *(a_message(f"ann@{domain}") for domain in domains))
        found = {message.recipient.partition("@")[2]: message for message in await router.routed(at_least=6)}
    routes = {domain: message.route for domain, message in found.items() if message.route}
    assert [(host.name, host.port) for host in routes["a.sample"].hosts] == [
        ("mx1.a.sample", 2500),
        ("mx2.a.sample", 2500),
    ]
    assert routes["a.sample"].rollup.startswith("mx:")
    assert routes["big.sample"].rollup == "google"
    assert routes["bare.sample"].rollup == "d:bare.sample"
    verdicts = {domain: message.verdict for domain, message in found.items() if message.verdict}
    assert set(routes) | set(verdicts) == set(domains)
    null, gone, broken = verdicts["null.sample"], verdicts["gone.sample"], verdicts["broken.sample"]
    assert (null.kind, null.reason, null.by) == ("reject", "null_mx", "router")
    assert null.detail is not None
    assert null.detail.startswith("556 5.1.10 ")
    assert (null.evidence["class"], null.evidence["code"], null.evidence["enhanced"]) == (
        "invalid_domain",
        556,
        "5.1.10",
    )
    assert (gone.kind, gone.reason) == ("reject", "no_such_domain")
    assert (gone.evidence["class"], gone.evidence["code"], gone.evidence["enhanced"]) == (
        "invalid_domain",
        550,
        "5.1.2",
    )
    assert (broken.kind, broken.reason) == ("wait_until", "dns")
    assert broken.until == broken.checked_at + timedelta(seconds=10)


async def test_a_batch_does_not_wait_for_a_slow_name_server(router: Router, names: NameServer) -> None:
    await router.workspace()
    answered = asyncio.Event()
    names.says("slow.sample", Says(["slow.sample. 300 MX 10 mx.slow.sample."], once=answered))
    async with router.running("route", nameservers=[names.address], dns_timeout_seconds=30, dns_wait_ms=50):
        await router.publish(accepted(Lane.STANDARD), a_message("ann@slow.sample"))
        first = (await router.routed())[0].route
        answered.set()

        async def known() -> bool:
            await router.publish(accepted(Lane.STANDARD), a_message("ann@slow.sample"))
            route = (await router.routed())[-1].route
            return route is not None and not route.stand_in

        await eventually(known)
        last = (await router.routed())[-1].route
    assert first is not None
    assert (first.rollup, first.stand_in, first.hosts) == ("d:slow.sample", True, [])
    assert last is not None
    assert [host.name for host in last.hosts] == ["mx.slow.sample"]
    assert [name for name, _, _ in names.asked] == ["slow.sample"]


async def test_a_record_that_cannot_be_decoded_is_dead_lettered_and_the_next_one_routed(router: Router) -> None:
    await router.workspace()
    topic = accepted(Lane.CRITICAL)
    async with router.running("route"):
        await router.deployment.publish(topic, [("broken", b'{"message_id": 1}', {})])
        await router.publish(topic, a_message("ann@a.test", lane=Lane.CRITICAL))
        out = await router.routed(Lane.CRITICAL)
        dead = await router.deployment.records(dead_letters(topic), 1)
    assert [message.recipient for message in out] == ["ann@a.test"]
    assert [record.key for record in dead] == [b"broken"]
    headers = text_headers(dead[0])
    assert (headers["dlq.reason"], headers["dlq.origin"]) == ("undecodable", f"{topic}/0/0")


async def test_a_record_that_grows_too_large_is_stuck_and_says_so(router: Router) -> None:
    await router.workspace()
    topic = accepted(Lane.STANDARD)
    bare = len(a_message("large@a.test", metadata={"x": ""}).encode())
    large = a_message("large@a.test", metadata={"x": "y" * (MAX_RECORD_BYTES - bare - 200)})
    async with router.running("route"):
        await router.publish(topic, large, a_message("ann@a.test"))
        out = await router.routed()
        dead = await router.deployment.records(dead_letters(topic), 1)
    assert [message.recipient for message in out] == ["ann@a.test"]
    assert [record.key for record in dead] == [large.message_id.encode()]
    told = [Event.decode(record.value) for record in await router.deployment.records(EVENTS, 1)]
    assert [(event.message_id, event.type) for event in told] == [(large.message_id, EventType.STUCK)]


async def test_a_message_waits_while_the_workspace_is_behind_and_goes_when_it_has_come(router: Router) -> None:
    await router.workspace()
    message = a_message(versions=Versions(workspace=3, domain=1))
    async with router.running("route"):
        await router.publish(accepted(Lane.STANDARD), message)
        waiting = (await router.routed())[0]
        await router.publish_workspace(2)
        await router.publish_workspace(3)

        async def here() -> bool:
            entity = await router.entities.get(Kind.WORKSPACE, "w1")
            return entity is not None and entity.version == 3

        await eventually(here)
        await router.publish(due(Lane.STANDARD), waiting.with_changes(pass_=1))
        gone = (await router.routed(at_least=2))[1]
    assert waiting.verdict is not None
    assert (waiting.verdict.kind, waiting.verdict.reason) == ("wait_until", "configuration")
    assert waiting.verdict.until == waiting.verdict.checked_at + timedelta(seconds=2)
    assert waiting.route is None
    assert gone.verdict is None
    assert gone.route is not None


async def test_after_a_transport_failed_the_next_one_is_taken(router: Router) -> None:
    await router.workspace()
    await smart_host(router, "first")
    await smart_host(router, "second", "w1")
    await default_route(router, "first", "second", "direct")
    failed = LastAttempt(transport="first", outcome="connection refused", scope="transport")
    greylisted = LastAttempt(transport="second", outcome="greylisted", scope="recipient")
    lives = {"new@a.test": None, "failed@a.test": failed, "greylisted@a.test": greylisted}
    async with router.running("route"):
        await router.publish(due(Lane.STANDARD), *(a_message(who, last=last) for who, last in lives.items()))
        found = {message.recipient: message.route for message in await router.routed(at_least=3)}
    new, after, stays = (found[who] for who in lives)
    assert new is not None
    assert (new.transport, new.kind, new.tls, new.rollup) == ("first", "smarthost", "verify", "smarthost:first")
    assert [(host.name, host.port) for host in new.hosts] == [("first.example", 587)]
    assert new.rule_version == 1
    assert after is not None
    assert after.transport == "second"
    assert [each.lost for each in after.candidates] == [
        "its last attempt failed: connection refused",
        None,
        "a transport before it in the failover order was taken",
    ]
    assert after.inputs["last"] == {"v": 1, **failed.model_dump(exclude={"v"}, exclude_none=True)}
    assert stays is not None
    assert stays.transport == "second"


async def test_a_change_of_the_route_holds_for_the_next_message(router: Router) -> None:
    await router.workspace()
    await smart_host(router, "mine", "w1")
    async with router.running("route"):
        await router.publish(accepted(Lane.STANDARD), a_message())
        before = (await router.routed())[0].route
        await default_route(router, "mine")

        async def changed() -> bool:
            await router.publish(accepted(Lane.STANDARD), a_message())
            route = (await router.routed())[-1].route
            return route is not None and route.transport == "mine"

        await eventually(changed)
    assert before is not None
    assert before.transport == "direct"


async def test_without_a_usable_transport_there_is_no_route(router: Router) -> None:
    await router.workspace()
    await smart_host(router, "off", enabled=False)
    await smart_host(router, "theirs", "w2")
    await default_route(router, "off", "theirs", "none")
    async with router.running("route"):
        await router.publish(accepted(Lane.STANDARD), a_message())
        verdict = (await router.routed())[0].verdict
    assert verdict is not None
    assert verdict.kind == "no_route"
    lost = {each["transport"]: each["lost"] for each in verdict.evidence["candidates"]}
    assert lost == {"off": "disabled", "theirs": "unknown", "none": "unknown"}


async def test_what_has_expired_is_not_routed(router: Router) -> None:
    await router.workspace()
    past = datetime.now(UTC) - timedelta(seconds=1)
    async with router.running("route"):
        await router.publish(due(Lane.CRITICAL), a_message(lane=Lane.CRITICAL, expires_at=past))
        out = (await router.routed(Lane.CRITICAL))[0]
    assert out.route is None
    assert out.verdict is not None
    assert out.verdict.kind == "expired"


async def test_records_read_twice_get_the_same_decision(router: Router) -> None:
    await router.workspace()
    await smart_host(router, "first")
    await default_route(router, "first", "direct")
    message = a_message()
    async with router.running("route"):
        await router.publish(accepted(Lane.STANDARD), message, message)
        one, other = await router.routed(at_least=2)
    assert one.route is not None
    assert other.route is not None
    volatile = {"decided_at"}
    assert one.route.model_dump(exclude=volatile) == other.route.model_dump(exclude=volatile)


async def test_look_ups_under_way_end_with_the_service(router: Router, names: NameServer) -> None:
    await router.workspace()
    names.says("silent.sample", Says(silent=True))
    async with router.running("route", nameservers=[names.address], dns_timeout_seconds=60, dns_wait_ms=20):
        await router.publish(accepted(Lane.STANDARD), a_message("ann@silent.sample"))
        await router.routed()
        assert "look-up" in {task.get_name() for task in asyncio.all_tasks()}
    assert "look-up" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_what_is_routed_is_counted_by_lane_and_what_is_looked_up_by_result(
    router: Router, names: NameServer
) -> None:
    await router.workspace()
    counted = (
        ("posthorn_stage_records_total", {"stage": "routed", "lane": "critical"}, 3),
        ("posthorn_stage_seconds_count", {"stage": "routed", "lane": "critical"}, 3),
        ("posthorn_dns_lookups_total", {"result": "no_such_domain"}, 1),
    )
    before = [REGISTRY.get_sample_value(name, labels) or 0 for name, labels, _ in counted]
    lane = Lane.CRITICAL
    who = ("ann@gone.sample", "bob@gone.sample", "cy@a.test")
    async with router.running("route", nameservers=[names.address], dns_wait_ms=10_000, dns_timeout_seconds=10):
        await router.publish(accepted(lane), *(a_message(each, lane=lane) for each in who))
        await router.routed(lane, at_least=3)
    after = [REGISTRY.get_sample_value(name, labels) or 0 for name, labels, _ in counted]
    assert [now - then for now, then in zip(after, before, strict=True)] == [by for _, _, by in counted]
