"""Which way a message goes, and why every other way lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.health import Health
from services.router.mx import Destination, Finding, pending
from services.router.routes.configuration import Configuration, Way
from services.router.routes.matching import Rules
from services.router.rules import choose, decide
from services.router.verdicts import dns_wait
from shared.contracts.messages import Host, LastAttempt, Message, Seen, TlsMode, Verdict, Versions
from tests.fixtures.messages import a_message

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WELL = Health()
SMART = Host(name="relay.example", port=587)
FOUND = Destination(Finding.MX, "mx:0123456789abcdef", (Host(name="mx.a.example"),))


def way(id_: str, *, enabled: bool = True, version: int = 4, weight: int = 100) -> Way:
    direct = id_.startswith("direct")
    host = None if direct else SMART
    return Way(id_, version, id_.title(), "direct" if direct else "smarthost", TlsMode.REQUIRED, enabled, host, weight)


def known(*order: str, ways: list[Way] | None = None, version: int = 7) -> Configuration:
    there = [way(id_) for id_ in order] if ways is None else ways
    return Configuration(version, {each.id: each for each in there}, in_order(*order))


def in_order(*order: str) -> Rules:
    """A set that has a failover order alone."""
    return Rules(3, tuple(dict.fromkeys(order)), uses=frozenset(order))


def failed(transport: str) -> LastAttempt:
    return LastAttempt(transport=transport, outcome="connection refused", scope="transport")


def said(transport: str, scope: Any = "recipient") -> LastAttempt:
    return LastAttempt(transport=transport, outcome="greylisted", scope=scope)


def message(**changes: Any) -> Message:
    fields = {"message_id": "m1", "recipient": "ann@a.example", "versions": Versions(workspace=7, domain=2)}
    return a_message(**{"accepted_at": NOW, **fields, **changes})


def routed(
    message: Message,
    configuration: Configuration,
    destination: Destination | None = FOUND,
    now: datetime = NOW,
    health: Health = WELL,
) -> Message:
    """Both steps, as the handler takes them: the DNS is asked only where the choice wants it."""
    choice = choose(message, configuration, health, now)
    return decide(message, choice, configuration, destination if choice.domain else None, health, now)


def test_a_route_says_what_the_resolver_vouches_for() -> None:
    """Only of hosts that are the domain's MX records: those are what policies of the domain are about."""
    authentic = Destination(Finding.IMPLICIT, "d:a.example", (Host(name="a.example"),), authentic=True)
    static = Destination(Finding.STATIC, "static:a.example", (Host(name="192.0.2.1"),))
    for destination, mx in ((FOUND, "plain"), (authentic, "authentic"), (static, None)):
        route = routed(message(), known("direct"), destination).route
        assert route is not None
        assert route.mx == mx
    relayed = routed(message(), known("smart")).route
    assert relayed is not None
    assert relayed.mx is None


def test_a_route_by_the_recipients_own_hosts() -> None:
    out = routed(message(last=said("direct")), known("direct", "a"))
    assert out.verdict is None
    route = out.route
    assert route is not None
    assert (route.transport, route.transport_version, route.kind, route.tls) == ("direct", 4, "direct", "required")
    assert (route.hosts, route.rollup, route.stand_in) == (list(FOUND.hosts), FOUND.rollup, False)
    assert (route.rule, route.rule_version, route.decided_at) == ("default", 3, NOW)
    assert [each.score for each in route.candidates] == [1.0, 0.5]
    assert route.inputs["dns"] == "mx"
    assert route.inputs["last"]["outcome"] == "greylisted"
    assert out.versions == Versions(workspace=7, domain=2, transport=4)


def test_a_smart_host_needs_no_dns() -> None:
    assert choose(message(), known("a"), WELL, NOW).domain is None
    route = routed(message(), known("a"), None).route
    assert route is not None
    assert (route.kind, route.hosts, route.rollup) == ("smarthost", [SMART], "smarthost:a")


def test_a_look_up_that_is_not_there_yet_is_stood_in_for() -> None:
    route = routed(message(), known("direct"), pending("a.example")).route
    assert route is not None
    assert (route.rollup, route.stand_in, route.hosts) == ("d:a.example", True, [])


def test_what_an_earlier_pass_found_does_not_stay() -> None:
    old = Verdict(kind="wait_until", reason="dns", by="router", checked_at=NOW, until=NOW)  # type: ignore[arg-type]
    seen = Seen(accepted=NOW, released=NOW, routed=NOW, checked=NOW)
    later = NOW + timedelta(minutes=1)
    out = routed(message(verdict=old, seen=seen, pass_=2), known("a"), now=later)
    assert out.verdict is None
    assert out.seen == Seen(accepted=NOW, released=NOW, routed=later)
    stopped = routed(out.with_changes(expires_at=later), known("a"), now=later)
    assert stopped.route is None


@pytest.mark.parametrize(
    ("finding", "reason", "class_", "code", "enhanced"),
    [
        (Finding.NULL_MX, "null_mx", "invalid_domain", 556, "5.1.10"),
        (Finding.NO_SUCH_DOMAIN, "no_such_domain", "invalid_domain", 550, "5.1.2"),
        (Finding.NO_MAIL_HOST, "no_mail_host", "routing_dns", 550, "5.4.4"),
        (Finding.MAIL_LOOP, "mail_loop", "routing_dns", 554, "5.4.6"),
    ],
)
def test_what_the_dns_says_for_good(finding: Finding, reason: str, class_: str, code: int, enhanced: str) -> None:
    out = routed(message(), known("direct"), Destination(finding, "d:a.example"))
    assert out.route is None
    verdict = out.verdict
    assert verdict is not None
    assert (verdict.kind, verdict.reason, verdict.by) == ("reject", reason, "router")
    assert verdict.detail is not None
    assert verdict.detail.startswith(f"{code} {enhanced} ")
    assert verdict.evidence == {
        "domain": "a.example",
        "transport": "direct",
        "class": class_,
        "code": code,
        "enhanced": enhanced,
    }


def test_every_finding_is_routed_rejected_or_waited_for() -> None:
    for finding in Finding:
        out = routed(message(), known("direct"), Destination(finding, "d:a.example", detail="SERVFAIL"))
        assert (out.route is None) == (out.verdict is not None)


def test_waits_for_the_dns_grow_by_pass_and_end_with_the_message() -> None:
    broken = Destination(Finding.FAILED, "d:a.example", detail="SERVFAIL")
    waits = []
    for pass_ in (0, 1, 2, 7, 8, 5000):
        verdict = routed(message(pass_=pass_), known("direct"), broken).verdict
        assert verdict is not None
        assert (verdict.kind, verdict.reason) == ("wait_until", "dns")
        assert verdict.until is not None
        waits.append((verdict.until - NOW).total_seconds())
    assert waits == [10, 20, 40, 1280, 1800, 1800]
    short = routed(message(expires_at=NOW + timedelta(seconds=3)), known("direct"), broken).verdict
    assert short is not None
    assert short.until == NOW + timedelta(seconds=3)
    assert short.detail == "451 4.4.3 the domain's mail hosts cannot be looked up (SERVFAIL)"


@pytest.mark.parametrize(
    "configuration",
    [known("a", version=6), known("a", version=0), known("direct", ways=[]), known("a", "direct", ways=[])],
)
def test_what_is_behind_is_waited_for(configuration: Configuration) -> None:
    verdict = routed(message(), configuration).verdict
    assert verdict is not None
    assert (verdict.kind, verdict.reason, verdict.until) == ("wait_until", "configuration", NOW + timedelta(seconds=2))


def test_a_newer_workspace_is_not_behind() -> None:
    assert choose(message(), known("a", version=8), WELL, NOW).verdict is None


def test_no_way_is_no_route_and_says_why_each_lost() -> None:
    out = routed(message(), known("gone", "a", ways=[way("a", enabled=False)]))
    assert out.verdict is not None
    assert (out.verdict.kind, out.verdict.reason) == ("no_route", "no_transport")
    lost = {each["transport"]: each["lost"] for each in out.verdict.evidence["candidates"]}
    assert lost == {"gone": "unknown", "a": "disabled"}


@pytest.mark.parametrize("age", [0, 1])
def test_at_its_expiry_a_message_has_expired_whatever_else_is_wrong(age: int) -> None:
    expired = message(expires_at=NOW - timedelta(seconds=age))
    verdict = choose(expired, known("gone", ways=[], version=0), WELL, NOW).verdict
    assert verdict is not None
    assert verdict.kind == "expired"


IDS = ("direct", "a", "b", "c")
WAYS = st.dictionaries(st.sampled_from(IDS), st.booleans()).map(
    lambda there: {id_: way(id_, enabled=enabled) for id_, enabled in there.items()}
)
CONFIGURATIONS = st.builds(
    Configuration,
    st.integers(5, 8),
    WAYS,
    st.lists(st.sampled_from(IDS), min_size=1, max_size=5).map(lambda order: in_order(*order)),
)
LASTS = st.none() | st.builds(
    LastAttempt,
    transport=st.sampled_from((*IDS, "gone")),
    outcome=st.just("refused"),
    scope=st.sampled_from(("transport", "recipient", "message", None)),
)
DESTINATIONS = st.builds(Destination, st.sampled_from(list(Finding)), st.just("r"))
LIVES = st.builds(lambda seconds, last: message(expires_at=NOW + timedelta(seconds=seconds), last=last),
                  st.integers(-3, 3), LASTS)  # fmt: skip


@given(LIVES, CONFIGURATIONS, DESTINATIONS)
def test_every_message_gets_a_route_or_a_verdict_and_every_loser_a_reason(
    life: Message, configuration: Configuration, destination: Destination
) -> None:
    out = routed(life, configuration, destination)
    assert (out.route is None) != (out.verdict is None)
    assert out == routed(life, configuration, destination)
    assert Message.decode(out.encode()) == out
    if out.verdict is not None:
        if out.verdict.until is not None:
            assert NOW < out.verdict.until <= life.expires_at
        return
    assert out.route is not None
    assert life.expires_at > NOW
    assert configuration.workspace_version >= life.versions.workspace
    by_id = {candidate.transport: candidate for candidate in out.route.candidates}
    assert set(by_id) == set(configuration.workspace.order)
    assert [id_ for id_, candidate in by_id.items() if candidate.lost is None] == [out.route.transport]
    assert configuration.ways[out.route.transport].enabled
    assert by_id[out.route.transport].score == max(candidate.score for candidate in by_id.values()) == 1
    for id_, candidate in by_id.items():
        usable = id_ in configuration.ways and configuration.ways[id_].enabled
        assert (candidate.score > 0) == usable
    usable_ids = [id_ for id_, candidate in by_id.items() if candidate.score > 0]
    last = life.last
    if last and last.transport in usable_ids:
        if last.scope == "transport":
            assert (out.route.transport != last.transport) == (len(usable_ids) > 1)
        if last.scope in ("recipient", "message"):
            assert out.route.transport == last.transport


@given(st.integers(0, 10_000))
def test_waits_never_shrink(pass_: int) -> None:
    assert timedelta(seconds=10) <= dns_wait(pass_) <= dns_wait(pass_ + 1) <= timedelta(minutes=30)
