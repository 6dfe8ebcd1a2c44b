"""Rules at work: between the topics, with the DNS and the other lane, and no longer than they are there."""

from __future__ import annotations

import asyncio
from typing import Any

from services.router.routes.model import RuleSet
from shared.contracts.entities import Kind
from shared.contracts.messages import LastAttempt, Message
from shared.contracts.topics import Lane, accepted, due
from tests.fixtures.deployment import eventually
from tests.fixtures.dns_server import NameServer, Says
from tests.fixtures.messages import a_message
from tests.integration.router.conftest import Router
from tests.integration.router.test_routing import smart_host


async def write(router: Router, *rules: dict[str, Any], owner: str | None = "w1", **fields: Any) -> None:
    data = RuleSet.model_validate({"rules": list(rules), **fields}).to_data()
    await router.entities.put(Kind.ROUTE, owner or "platform", owner, data)


async def until_rules(router: Router, version: int, topic: str, message: Message) -> Message:
    """The message as it is routed once the workspace's rules are at a version in the memory of the process."""

    async def routed_anew() -> Message | None:
        await router.publish(topic, message)
        out = [one for lane in Lane for one in await router.routed(lane, 0) if one.message_id == message.message_id]
        last = max(out, key=lambda one: one.seen.routed or one.accepted_at, default=None)
        by = last and (last.route or last.verdict)
        rules = (by.inputs or {}).get("rules") if by else None
        return last if rules and rules["workspace"] == version else None

    return await eventually(routed_anew)


async def test_a_rule_moves_mail_to_the_other_lane_and_its_retries_stay_there_while_it_is_there(router: Router) -> None:
    await router.workspace()
    await write(router, {"id": "quick", "when": {"tags": ["code"]}, "lane": "critical"})
    moved, stays = a_message(tags=["code"]), a_message()
    async with router.running("route"):
        await router.publish(accepted(Lane.STANDARD), moved, stays, moved)
        first, again = await router.routed(Lane.CRITICAL, at_least=2)
        retried = first.with_changes(pass_=1, attempt=1, route=None)
        await router.publish(due(Lane.CRITICAL), retried)
        retry = (await router.routed(Lane.CRITICAL, at_least=3))[2]
        assert [one.message_id for one in await router.routed(Lane.STANDARD)] == [stays.message_id]
        await write(router)
        back = await until_rules(router, 2, due(Lane.CRITICAL), retry.with_changes(pass_=2, route=None))
        assert back.message_id in {one.message_id for one in await router.routed(Lane.STANDARD, at_least=2)}
    for one in (first, again, retry):
        assert (one.message_id, one.lane) == (moved.message_id, Lane.CRITICAL)
        assert one.route is not None
        assert (one.route.rule, one.route.inputs["lane_rule"]) == ("default", "workspace:quick")
    assert (retry.pass_, retry.attempt, back.lane) == (1, 1, Lane.STANDARD)


async def test_what_a_rule_holds_goes_when_the_rule_has_gone(router: Router) -> None:
    await router.workspace()
    await write(router, {"id": "h", "when": {"recipient_domains": ["*.test"]}, "hold": {"reason": "they move"}})
    message = a_message("ann@a.test")
    async with router.running("route", held_look_seconds=7):
        await router.publish(accepted(Lane.STANDARD), message)
        held = (await router.routed())[0]
        await write(router)
        freed = await until_rules(router, 2, due(Lane.STANDARD), message.with_changes(pass_=1))
    assert held.route is None
    assert held.verdict is not None
    assert (held.verdict.kind, held.verdict.reason, held.verdict.detail) == ("wait_until", "held", "they move")
    assert (held.verdict.rule, held.verdict.rule_version) == ("workspace:h", 1)
    assert held.verdict.until is not None
    assert 6.9 < (held.verdict.until - held.verdict.checked_at).total_seconds() <= 7
    assert freed.verdict is None
    assert freed.route is not None


async def test_the_platforms_rules_come_before_a_workspaces_own(router: Router) -> None:
    await router.workspace()
    await smart_host(router, "mine", "w1")
    await write(router, {"id": "own", "when": {}, "route": [[{"transport": "mine"}]]})
    refusal = {"reason": "embargo", "reply": "no mail goes there"}
    await write(router, {"id": "no", "when": {"recipient_domains": ["b.test"]}, "reject": refusal}, owner=None)
    async with router.running("route"):
        await router.publish(accepted(Lane.STANDARD), a_message("ann@a.test"), a_message("ann@b.test"))
        goes, refused = await router.routed(at_least=2)
    assert goes.route is not None
    assert (goes.route.rule, goes.route.transport) == ("workspace:own", "mine")
    assert refused.verdict is not None
    assert (refused.verdict.rule, refused.verdict.reason) == ("platform:no", "embargo")
    assert refused.verdict.detail == refusal["reply"]


async def test_a_rule_by_rollup_waits_for_the_dns_and_then_takes_its_mail(router: Router, names: NameServer) -> None:
    await router.workspace()
    await smart_host(router, "relay")
    await smart_host(router, "other")
    pool = {"id": "google", "when": {"rollups": ["google"]}, "route": [[{"transport": "relay"}]]}
    await write(router, pool, transports=["other"])
    names.mx("small.sample", "5 mx.small.sample.")
    answered = asyncio.Event()
    names.says("big.sample", Says(["big.sample. 300 MX 5 aspmx.l.google.com."], once=answered))
    options: dict[str, Any] = {"nameservers": [names.address], "dns_timeout_seconds": 30, "dns_wait_ms": 50}
    async with router.running("route", **options):
        await router.publish(accepted(Lane.STANDARD), a_message("ann@big.sample"))
        waits = (await router.routed())[0]
        answered.set()
        big = await until_rules(router, 1, due(Lane.STANDARD), a_message("ann@big.sample"))
        small = await until_rules(router, 1, due(Lane.STANDARD), a_message("ann@small.sample"))
    assert waits.verdict is not None
    assert (waits.verdict.kind, waits.verdict.reason) == ("wait_until", "dns")
    assert big.route is not None
    assert (big.route.transport, big.route.rule, big.route.inputs["rollup"]) == ("relay", "workspace:google", "google")
    assert small.route is not None
    assert (small.route.transport, small.route.rule) == ("other", "default")


async def test_a_tier_spreads_mail_and_each_message_keeps_its_way_through_retries(router: Router) -> None:
    await router.workspace()
    for id_ in ("one", "two"):
        await smart_host(router, id_)
    targets = [{"transport": id_, "weight": 1} for id_ in ("one", "two")]
    await write(router, {"id": "spread", "route": [targets, [{"transport": "direct"}]]})
    messages = [a_message() for _ in range(40)]
    async with router.running("route"):
        await router.publish(accepted(Lane.STANDARD), *messages)
        first = {one.message_id: one.route for one in await router.routed(at_least=40)}
        taken = {id_: route.transport for id_, route in first.items() if route}
        failed = {id_: LastAttempt(transport=way, outcome="refused", scope="transport") for id_, way in taken.items()}
        retries = [one.with_changes(pass_=2, last=failed[one.message_id]) for one in messages]
        await router.publish(due(Lane.STANDARD), *(one.with_changes(pass_=1) for one in messages), *retries)
        later = (await router.routed(at_least=120))[40:]
    assert {*taken.values()} == {"one", "two"}
    for one in later:
        assert one.route is not None
        other = {"one": "two", "two": "one"}[taken[one.message_id]]
        assert one.route.transport == (taken[one.message_id] if one.pass_ == 1 else other)
