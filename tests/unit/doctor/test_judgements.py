"""Each judgement: what is well gives nothing, and each thing that is wrong is found, with a fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from services.doctor.checks import clock, database, dead_letters, domains, doors, egress, keys, names, services, topics
from services.doctor.findings import Finding
from services.ingest.domains.judging import Judged
from services.ingest.domains.records import Purpose, Wanted
from services.sender.destinations.greeting_names import Greeting
from services.sender.smtp.targets import Addresses
from shared.contracts.entities import DkimKeyPair, Domain
from shared.dns import Existence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
IP = "93.184.216.34"
KEYS = {name: bytes((each * 7 + at) % 256 for each in range(32)) for at, name in enumerate(("A", "B", "C"))}

GREETING = names.NameFacts(
    Greeting("mail.example.com", IP), Addresses(Existence.FOUND, "mail.example.com", (IP,)), {IP: ["mail.example.com"]}
)
CERTIFICATE = doors.Certificate(["mx.example.com"], NOW - timedelta(days=1), NOW + timedelta(days=60))
DOOR = doors.DoorFacts("the SMTP door", "mx.example.com", 587, "FILE", True, True, CERTIFICATE)
RETURNS = replace(DOOR, name="the return door", port=25, public=False)
CONFIG = {"cleanup.policy": "delete", "retention.ms": "1000", "segment.ms": "10", "min.insync.replicas": "2"}
TOPIC = topics.TopicFacts("mail.events", 6, 3, CONFIG)
KAFKA = topics.KafkaFacts([TOPIC], {TOPIC.name: TOPIC}, 3, auto_create=False)
DATABASE = database.DatabaseFacts("7.0.14", "7.0", "rs0", 3)

KEY = DkimKeyPair(selector="ph1", public_key="PUB", private_key="sealed")
DOMAIN = Domain(name="shop.test", verified=True, active="ph1", keys=[KEY], return_path="bounce.shop.test")
DKIM = Wanted(Purpose.DKIM, "TXT", "ph1._domainkey.shop.test", "v=DKIM1; p=PUB", selector="ph1")
DMARC = Wanted(Purpose.DMARC, "TXT", "_dmarc.shop.test", "v=DMARC1; p=none")
TRACKING = Wanted(Purpose.TRACKING, "CNAME", "track.shop.test", "track.posthorn.test")
WELL = [(DKIM, Judged(True)), (DMARC, Judged(True, ("v=DMARC1; p=none",)))]
SHOP = domains.DomainFacts(DOMAIN, WELL)

Judge = Callable[[Any], Iterable[Finding]]
judge_doors: Judge = partial(doors.judge, now=NOW)


def doors_with(**changes: Any) -> list[doors.DoorFacts]:
    return [replace(DOOR, certificate=replace(CERTIFICATE, **changes))]


def topic_with(**config: str) -> topics.KafkaFacts:
    named = {name.replace("_", "."): value for name, value in config.items()}
    return replace(KAFKA, found={TOPIC.name: replace(TOPIC, config={**CONFIG, **named})})


def dmarc(*records: str, **changes: Any) -> list[domains.DomainFacts]:
    judged = [WELL[0], (DMARC, Judged(True, records))]
    return [domains.DomainFacts(DOMAIN.with_changes(**changes), judged)]


def records(wanted: Wanted, judged: Judged) -> list[domains.DomainFacts]:
    return [replace(SHOP, judged=[*(each for each in WELL if each[0] != wanted), (wanted, judged)])]


@pytest.mark.parametrize(
    ("judge", "facts"),
    [
        (keys.judge, KEYS),
        (names.judge, [GREETING]),
        (judge_doors, [DOOR, RETURNS]),
        (judge_doors, []),
        (judge_doors, [replace(DOOR, certificate=replace(CERTIFICATE, names=["*.example.com"]))]),
        (egress.judge, [egress.Dialled("mx.test", "220 mx.test ESMTP")]),
        (topics.judge, KAFKA),
        (topics.judge, replace(KAFKA, auto_create=None)),
        (topics.judge, topic_with(min_insync_replicas="2")),
        (dead_letters.judge, {"mail.events": 0}),
        (database.judge, DATABASE),
        (database.judge, replace(DATABASE, members=1, local=True)),
        (database.judge, replace(DATABASE, compatibility=None)),
        (clock.judge, [clock.Offset("it", 0.3), clock.Offset("ntp", None, failure="away", optional=True)]),
        (clock.judge, [clock.Offset("it", 3.0, unsure=2.9)]),
        (services.judge, [services.Readiness("http://a/readyz", 200)]),
        (domains.judge, [SHOP]),
    ],
)
def test_what_is_well_gives_no_finding(judge: Judge, facts: Any) -> None:
    assert list(judge(facts)) == []


@pytest.mark.parametrize(
    ("judge", "facts", "level", "problem"),
    [
        (keys.judge, {**KEYS, "B": bytes(32)}, "fail", "is no random key"),
        (keys.judge, {**KEYS, "B": KEYS["A"]}, "fail", "is the same key as A"),
        (names.judge, [], "warn", "no direct transport"),
        (names.judge, [replace(GREETING, greeting=Greeting("localhost", None))], "fail", "no full name"),
        (names.judge, [replace(GREETING, names={IP: ["other.test"]})], "fail", "resolves back to other.test"),
        (names.judge, [replace(GREETING, names={IP: []})], "fail", "resolves back to no name"),
        (names.judge, [replace(GREETING, names={IP: None})], "fail", "could not be looked at"),
        (
            names.judge,
            [replace(GREETING, addresses=Addresses(Existence.FOUND, "mail.example.com", ("8.8.8.8",)))],
            "fail",
            f"does not lead to {IP}",
        ),
        (
            names.judge,
            [replace(GREETING, addresses=Addresses(Existence.NO_NAME, "x", detail="no such name"))],
            "fail",
            "it has no address (no such name)",
        ),
        (
            names.judge,
            [replace(GREETING, addresses=Addresses(Existence.FAILED, "x", detail="SERVFAIL"))],
            "fail",
            "could not be looked at: SERVFAIL",
        ),
        (judge_doors, [replace(DOOR, failure="does not answer")], "fail", "does not answer"),
        (judge_doors, [replace(DOOR, starttls=False)], "fail", "does not offer STARTTLS"),
        (judge_doors, [replace(RETURNS, starttls=False)], "warn", "bounces come in the clear"),
        (judge_doors, [replace(DOOR, certificate=None)], "fail", "offers STARTTLS and then does not do it"),
        (judge_doors, doors_with(ends=NOW), "fail", "its certificate ended on 2026-06-01"),
        (judge_doors, doors_with(begins=NOW + timedelta(days=2)), "fail", "begins on 2026-06-03"),
        (judge_doors, doors_with(ends=NOW + timedelta(days=13)), "warn", "ends in 13 days"),
        (judge_doors, doors_with(names=["other.test"]), "fail", "is for other.test"),
        (judge_doors, doors_with(names=["*.a.example.com"]), "fail", "is for *.a.example.com"),
        (judge_doors, doors_with(names=[]), "fail", "is for nobody"),
        (judge_doors, doors_with(distrusted="self-signed certificate"), "fail", "do not trust its certificate"),
        (
            judge_doors,
            [replace(RETURNS, certificate=replace(CERTIFICATE, distrusted="self-signed"))],
            "warn",
            "do not trust its certificate: self-signed",
        ),
        (judge_doors, [replace(RETURNS, certificate=replace(CERTIFICATE, names=["b.test"]))], "warn", "is for b.test"),
        (egress.judge, [egress.Dialled("a", failure="refused")], "fail", "no mail host can be reached: a (refused)"),
        (egress.judge, [egress.Dialled("a", "220 a"), egress.Dialled("b", failure="x")], "warn", "cannot be reached"),
        (egress.judge, [egress.Dialled("a", "554 go away")], "warn", "does not want to talk: 554 go away"),
        (topics.judge, replace(KAFKA, auto_create=True), "fail", "makes topics by accident"),
        (topics.judge, replace(KAFKA, brokers=1), "warn", "what one loses is lost"),
        (topics.judge, replace(KAFKA, found={}), "fail", "there is no such topic"),
        (
            topics.judge,
            replace(KAFKA, found={TOPIC.name: replace(TOPIC, partitions=5)}),
            "fail",
            "has 5 partitions, fewer than 6",
        ),
        (
            topics.judge,
            replace(KAFKA, found={TOPIC.name: replace(TOPIC, replicas=1)}),
            "fail",
            "has 1 replica, fewer than 3",
        ),
        (topics.judge, topic_with(retention_ms="999"), "fail", "has retention.ms=999 and should have 1000"),
        (topics.judge, topic_with(segment_ms="1"), "fail", "has segment.ms=1 and should have 10"),
        (topics.judge, topic_with(cleanup_policy="compact"), "fail", "should have delete"),
        (topics.judge, topic_with(min_insync_replicas="1"), "fail", "should have 2"),
        (topics.judge, topic_with(min_insync_replicas="3"), "warn", "takes nothing once one of its 3 replicas"),
        (dead_letters.judge, {"mail.events": 1}, "fail", "has 1 dead letter"),
        (database.judge, replace(DATABASE, version="5.0.9", compatibility="5.0"), "fail", "older than 6.0"),
        (database.judge, replace(DATABASE, compatibility="6.0"), "warn", "an upgrade was not finished"),
        (database.judge, replace(DATABASE, set_name=None), "fail", "is no replica set"),
        (database.judge, replace(DATABASE, members=1), "warn", "fewer than 3 members"),
        (database.judge, replace(DATABASE, write_fault="WTimeoutError"), "fail", "are not taken: WTimeoutError"),
        (database.judge, replace(DATABASE, missing={"db.c": ["a 1"]}), "fail", "has no index a 1"),
        (clock.judge, [clock.Offset("it", -3.0, unsure=0.1)], "fail", "is 3.0 s behind the clock here"),
        (clock.judge, [clock.Offset("it", 0.9)], "warn", "is 0.9 s ahead of"),
        (clock.judge, [clock.Offset("it", None, failure="away")], "fail", "could not be looked at: away"),
        (services.judge, [services.Readiness("u", 503)], "fail", "is not ready: it answers 503"),
        (services.judge, [services.Readiness("u", failure="ConnectError")], "fail", "does not answer: ConnectError"),
        (domains.judge, records(DKIM, Judged(False, ("p=X",), "has another key")), "fail", "has another key (found"),
        (domains.judge, records(DKIM, Judged(None, failure="SERVFAIL")), "fail", "could not be looked at: SERVFAIL"),
        (domains.judge, records(DMARC, Judged(False, (), "is not published")), "fail", "dmarc is not published"),
        (domains.judge, records(TRACKING, Judged(False, (), "leads elsewhere")), "warn", "tracking leads elsewhere"),
        (domains.judge, records(TRACKING, Judged(True, warning="is odd")), "warn", "is odd"),
        (domains.judge, [replace(SHOP, key_faults={"ph1": "does not open"})], "fail", "does not open"),
        (domains.judge, [replace(SHOP, domain=DOMAIN.with_changes(active=None))], "fail", "no key of it signs"),
        (domains.judge, dmarc("v=DMARC1; p=none", return_path=None), "warn", "SPF is not aligned"),
        (domains.judge, dmarc("v=DMARC1; p=none; aspf=s"), "warn", "strict SPF alignment"),
    ],
)
def test_what_is_wrong_is_found_with_a_fix(judge: Judge, facts: Any, level: str, problem: str) -> None:
    (finding,) = judge(facts)
    assert problem in finding.problem
    assert finding.level == level
    assert finding.subject
    assert len(finding.fix) > 10
    assert "{}" not in finding.fix
