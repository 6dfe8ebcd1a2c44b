"""The steps of a life in sentences: what decided, why the others lost, what was said and what follows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from services.ingest.projection.fold import apply
from services.ingest.projection.narration.happenings import EVENTS
from services.ingest.projection.narration.summary import summary_of
from services.ingest.projection.timeline import timeline_of
from shared.contracts.events import Event, EventType
from tests.unit.ingest.lives import lives

DIRECT = {"transport": "direct", "name": "Direct", "score": 0.5, "lost": "a transport before it was taken"}
RELAY = {"transport": "t1", "name": "Relay", "score": 1.0}
OTHER = {"transport": "t2", "name": "Relay", "score": 0.0, "lost": "disabled"}
LATER = "2026-05-01T12:05:00.123000+00:00"
AT = "2026-05-01 12:05:00 UTC"

ROUTED: list[tuple[dict[str, Any], str]] = [
    (
        {"rule": "workspace:receipts", "rule_version": 7, "transport": "t1", "why": "it is the first",
         "candidates": [RELAY, DIRECT], "inputs": {"lane_rule": "platform:slow"}},
        "Rule receipts of the workspace (version 7 of the workspace's rules) decided. Rule slow of the platform set its"
        " lane. Of its 2 candidates Relay was taken: it is the first. Direct lost: a transport before it was taken.",
    ),
    (
        {"rule": "default", "rule_version": 0, "transport": "t1", "candidates": [RELAY], "stand_in": True},
        "No rule took it; the failover order that is built in did. Its one candidate, Relay, was taken. The recipient's"
        " mail hosts were not known in time; they are looked up before it is sent.",
    ),
    (
        {"rule": "platform:default", "rule_version": 3, "transport": "t1", "candidates": [RELAY, OTHER]},
        "No rule took it; the failover order of the platform (version 3 of the platform's rules) did. Of its 2"
        " candidates Relay (t1) was taken. Relay (t2) lost: it is disabled.",
    ),
    (
        {"rule": "platform:quarantine", "rule_version": 3, "transport": "t1", "candidates": [RELAY]},
        "The quarantine of the platform (version 3 of the platform's rules) took it, as the sending domain's reputation"
        " is poor. Its one candidate, Relay, was taken.",
    ),
]  # fmt: skip
BY_ROUTER: list[tuple[dict[str, Any], str]] = [
    (
        {"verdict": "wait_until", "reason": "held", "detail": "they move.", "until": LATER, "rule": "workspace:moves",
         "rule_version": 2},
        "Rule moves of the workspace (version 2 of the workspace's rules) decided. The message is held: they move;"
        f" looked at again at {AT}.",
    ),
    (
        {"verdict": "reject", "reason": "too_old", "detail": "tried too often", "rule": "platform:old",
         "rule_version": 1},
        "Rule old of the platform (version 1 of the platform's rules) decided. The message is refused: too_old: tried"
        " too often.",
    ),
    (
        {"verdict": "reject", "reason": "null_mx", "detail": "556 5.1.10 no mail", "evidence": {"class": "x"}},
        "The message is refused: 556 5.1.10 no mail.",
    ),
    (
        {"verdict": "wait_until", "reason": "configuration", "until": LATER},
        "The present configuration of the workspace has not come here yet; looked at again at " + AT + ".",
    ),
    (
        {"verdict": "wait_until", "reason": "dns", "detail": "451 4.4.3 it cannot be looked up", "until": LATER},
        f"451 4.4.3 it cannot be looked up; looked at again at {AT}.",
    ),
    (
        {"verdict": "no_route", "reason": "no_transport", "evidence": {"candidates": [OTHER]}},
        "None of its transports can be used (Relay: it is disabled).",
    ),
    ({"verdict": "expired", "reason": "expired"}, "Its life had ended before it was routed."),
]  # fmt: skip
EVIDENCE = {"suppression_id": "s1", "message_id": "m0", "code": 550, "reply": "5.1.1 no such user", "note": "by ann"}
BY_SUPPRESSION: list[tuple[dict[str, Any], str]] = [
    ({"verdict": "send"}, "Nothing suppresses the recipient."),
    ({"verdict": "expired"}, "Its life had ended before it was checked."),
    (
        {"verdict": "suppressed", "reason": "complaint", "scope": "workspace:w1", "evidence": EVIDENCE},
        "Suppressed: the address complained (workspace). It is entry s1, learnt from message m0: 550 5.1.1 no such"
        " user; its note says: by ann.",
    ),
    (
        {"verdict": "suppressed", "reason": "unsubscribe", "scope": "workspace:w1:domain:acme.test"},
        "Suppressed: the address unsubscribed (mail from acme.test).",
    ),
    (
        {"verdict": "suppressed", "reason": "manual", "scope": "workspace:w1:stream:product",
         "evidence": {"suppression_id": "s2"}},
        "Suppressed: the address was put on the list by hand (mail of the stream product). It is entry s2.",
    ),
]  # fmt: skip
HOST = {"attempt": 2, "host": "mx1.example.test", "ip": "192.0.2.1"}
SAID = {"code": 451, "reply": "4.7.1 try later", "class": "greylisted"}
ATTEMPTS: list[tuple[dict[str, Any], str]] = [
    (
        {"event": "deferred", **HOST, **SAID, "next_at": LATER},
        "Attempt 2 at mx1.example.test [192.0.2.1] was deferred: 451 4.7.1 try later (greylisted); the next is due at"
        f" {AT}.",
    ),
    (
        {"event": "delivered", "attempt": 1, "host": "192.0.2.1", "ip": "192.0.2.1", "code": 250, "reply": "250 ok."},
        "Attempt 1 at 192.0.2.1 delivered it: 250 ok.",
    ),
    ({"event": "relayed", "attempt": 1, "host": "relay.test"}, "Attempt 1 at relay.test handed it to the smart host."),
    (
        {"event": "bounced", **HOST, "code": 550, "reply": "5.1.1 no", "class": "invalid_recipient"},
        "Attempt 2 at mx1.example.test [192.0.2.1] was refused, and there is no other: 550 5.1.1 no (invalid"
        " recipient).",
    ),
    (
        {"event": "ambiguous", "attempt": 1, "reply": "connection lost"},
        "Attempt 1 lost its answer: the message may have arrived, or not: connection lost; it is not sent again.",
    ),
    ({"event": "failed", "attempt": 9, "reply": "451 later", "class": "expired"},
     "Attempt 9 was the last: 451 later (expired)."),
]  # fmt: skip
HAPPENED: list[tuple[str, dict[str, Any], str]] = [
    ("queued", {"reason": "held", "detail": "they move", "until": LATER}, f"Held: they move; until {AT}."),
    ("queued", {"reason": "dns", "next_at": LATER},
     f"The recipient's mail hosts are not known yet; looked at again at {AT}."),
    (
        "queued",
        {"reason": "held", "rule": "workspace:moves", "detail": "they move", "next_at": LATER},
        f"Held by the rule workspace:moves: they move; looked at again at {AT}.",
    ),
    ("queued", {}, "It waits: for its turn."),
    ("suppressed", {"reason": "unsubscribed", "by": "ingest"}, "It ended unsent, as the address unsubscribed."),
    ("suppressed", {"reason": "complaint", "scope": "platform"},
     "It ended unsent, as the address complained (platform)."),
    ("failed", {"reason": "expired", "code": 451, "reply": "later"}, "It failed, as its time was up: 451 later."),
    ("failed", {"reason": "too_old", "detail": "tried too often"}, "It failed: too old: tried too often."),
    ("bounced", {"oob": True, "code": 552, "reply": "full", "class": "mailbox_full"},
     "A bounce came back: 552 full (mailbox full)."),
    ("bounced", {"reply": "556 5.1.10 null MX", "code": 556, "class": "invalid_domain"},
     "It bounced before any attempt: 556 5.1.10 null MX (invalid domain)."),
    ("complained", {"feedback_type": "abuse", "reported_by": "Yahoo"},
     "The recipient complained, as Yahoo reports (abuse)."),
    ("opened", {"machine": True}, "A machine opened it."),
    ("clicked", {}, "The recipient followed a link in it."),
    ("reported", {"action": "delayed", "reply": "busy"}, "A host reports: delayed: busy."),
]  # fmt: skip
WEBHOOK = {"event_type": "email.delivered", "url": "https://ann:pw@hooks.test/a?key=geheim#x", "duration_ms": 31}
WEBHOOKS: list[tuple[dict[str, Any], str]] = [
    ({"attempt": 1, "status": 200, "ok": True}, "Posted email.delivered to https://hooks.test/a: 200 after 31 ms."),
    (
        {"attempt": 2, "status": 500, "ok": False, "next_at": "2026-05-01T12:05:00.000Z"},
        "Posted email.delivered to https://hooks.test/a (attempt 2): 500 after 31 ms; the next attempt is due at"
        f" {AT}.",
    ),
    (
        {"attempt": 1, "error": "timed out", "ok": False},
        "Posted email.delivered to https://hooks.test/a: timed out after 31 ms; it is not posted again.",
    ),
]


@pytest.mark.parametrize(
    ("step", "detail", "told"),
    [
        *(("routed", detail, told) for detail, told in ROUTED),
        *(("checked", {**detail, "by": "router"}, told) for detail, told in BY_ROUTER),
        *(("checked", {**detail, "by": "suppression"}, told) for detail, told in BY_SUPPRESSION),
        *(("attempt", detail, told) for detail, told in ATTEMPTS),
        *((event, {"event": event, "data": data}, told) for event, data, told in HAPPENED),
        *(("webhook", {**WEBHOOK, **detail}, told) for detail, told in WEBHOOKS),
    ],
)
def test_what_a_step_says(step: str, detail: dict[str, Any], told: str) -> None:
    assert summary_of(step, detail) == told


def test_of_a_platform_suppression_only_the_reason_is_told() -> None:
    detail = {"verdict": "suppressed", "by": "suppression", "reason": "manual", "scope": "platform"}
    told = summary_of("checked", {**detail, "evidence": EVIDENCE})
    assert told == "Suppressed: the address was put on the list by hand (platform)."


def test_every_event_has_words_of_its_own() -> None:
    assert {str(type_) for type_ in EventType} == {*EVENTS, "accepted"}
    said = {type_: summary_of(type_, {"event": type_}) for type_ in map(str, EventType)}
    assert len(set(said.values())) == len(said)


@given(lives())
def test_every_step_of_any_life_is_told_in_sentences(events: list[Event]) -> None:
    for entry in timeline_of(apply(None, events)):
        summary = entry["summary"]
        assert summary[0].isupper()
        assert summary.endswith(".")
        assert "None" not in summary
        assert ".." not in summary
