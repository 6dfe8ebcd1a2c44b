"""Records of version 1 as they stand on topics today: a later version of the code must still read them.

A change that breaks this test needs a new topic or a new version, never a changed sample.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from shared.contracts.commands import Command
from shared.contracts.entities import EntityChange, Workspace
from shared.contracts.events import Event, EventType, accepted_event, event_id_of, event_of, sequence_of
from shared.contracts.messages import Message
from shared.contracts.record import Record, rfc3339
from shared.contracts.stages import StageReport
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import LIVE, STAGE_REPORTS, Lane, Stream, all_topics, dead_letters
from shared.contracts.webhooks import WebhookAttempt

AT = "2026-11-20T20:00:00.000Z"
MESSAGE: dict[str, Any] = {
    "v": 1, "message_id": "01a1fae2-1056-7be1-8745-a5f7c3c26574", "submission_id": "s", "workspace_id": "w",
    "lane": "critical", "stream": "security", "recipient": "ann@a.test", "recipient_type": "to",
    "sender": "no-reply@acme.example", "content_id": "c", "size": 100, "accepted_at": AT, "expires_at": AT, "pass": 2,
    "attempt": 1, "versions": {"workspace": 1, "domain": 1}, "seen": {"accepted": AT},
    "route": {
        "transport": "direct", "transport_version": 1, "kind": "direct", "hosts": [{"name": "mx.a.test", "port": 25}],
        "tls": "opportunistic", "rollup": "mx:00", "rule": "default", "rule_version": 0, "candidates": [
            {"transport": "direct", "name": "Direct", "kind": "direct", "score": 1.0}], "decided_at": AT},
    "verdict": {"kind": "send", "by": "suppression", "checked_at": AT},
}  # fmt: skip
EVENT: dict[str, Any] = {
    "v": 1, "event_id": "e", "message_id": "m", "submission_id": "s", "workspace_id": "w", "type": "delivered",
    "occurred_at": AT, "pass": 0, "attempt": 1, "sequence": 80, "lane": "standard", "stream": "product",
    "recipient": "ann@a.test", "recipient_type": "bcc", "sender": "a@b.example", "accepted_at": AT,
    "data": {"code": 250},
}  # fmt: skip
SAMPLES: list[tuple[type[Record], dict[str, Any]]] = [
    (Message, MESSAGE),
    (Event, EVENT),
    (Command, {"v": 1, "command_id": "k", "type": "expire", "occurred_at": AT, "message": MESSAGE}),
    (StageReport, {"v": 1, "stage": "outbox", "lane": "critical", "count": 2, "more": True, "oldest_at": AT,
                   "reported_at": AT}),
    (EntityChange, {"v": 1, "kind": "workspaces", "id": "w", "version": 3, "changed_at": AT, "data": {"name": "n"}}),
    (
        SuppressionChange,
        {"v": 1, "change_id": "c", "scope": "platform", "address_hmac": "00", "change": "added", "reason": "manual",
         "occurred_at": AT},
    ),
    (
        WebhookAttempt,
        {"v": 1, "attempt_id": "a", "message_id": "m", "workspace_id": "w", "event_id": "e", "event_type": "delivered",
         "endpoint_id": "p", "url": "https://a.test", "attempt": 1, "status": 200, "ms": 5, "ok": True,
         "occurred_at": AT},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "sample"), SAMPLES, ids=lambda each: getattr(each, "__name__", ""))
def test_version_1_is_read_and_written_back(model: type[Record], sample: dict[str, Any]) -> None:
    record = model.decode(orjson.dumps(sample | {"a_field_of_the_future": 1}))
    written = orjson.loads(record.encode())
    assert sample.items() <= _without_added(written, sample).items()
    assert model.decode(record.encode()) == record


def _without_added(written: dict[str, Any], sample: dict[str, Any]) -> dict[str, Any]:
    """What was written, nested objects narrowed to the sample's fields: defaults may be added, nothing may change."""

    def narrow(value: Any, like: Any) -> Any:
        if isinstance(like, dict):
            return {name: narrow(value[name], like[name]) for name in like}
        if isinstance(like, list):
            return [narrow(one, other) for one, other in zip(value, like, strict=True)]
        return value

    return {name: narrow(written[name], sample[name]) for name in sample}


def test_an_event_has_one_id_whoever_makes_it() -> None:
    message = Message.model_validate(MESSAGE)
    now = datetime.now(UTC)
    first, again = (event_of(message, EventType.DEFERRED, now + timedelta(seconds=each)) for each in (0, 5))
    assert first.event_id == again.event_id == event_id_of(message.message_id, EventType.DEFERRED, 2)
    assert first.event_id != event_of(message.with_changes(pass_=3), EventType.DEFERRED, now).event_id
    assert accepted_event(message).sequence == 0


def test_the_ranks_order_a_life() -> None:
    lives = [EventType.ACCEPTED, EventType.QUEUED, EventType.SENDING, EventType.AMBIGUOUS, EventType.DEFERRED]
    lives += [EventType.FAILED, EventType.RELAYED, EventType.DELIVERED, EventType.BOUNCED]
    ranks = [sequence_of(each, 0) for each in lives]
    assert ranks == sorted(ranks)
    assert sequence_of(EventType.BOUNCED, 0) < sequence_of(EventType.ACCEPTED, 1)
    assert sequence_of(EventType.COMPLAINED, 0) > sequence_of(EventType.BOUNCED, 500)


def test_every_topic_has_its_dead_letters() -> None:
    names = {topic.name for topic in all_topics()}
    assert names == {*LIVE, STAGE_REPORTS} | {dead_letters(name) for name in LIVE}
    assert {topic.name for topic in all_topics() if topic.retention_ms is None} == {"config.changes"}
    assert {stream.lane for stream in (Stream.AUTHENTICATION, Stream.SECURITY)} == {Lane.CRITICAL}
    assert {stream.lane for stream in (Stream.BILLING, Stream.PRODUCT)} == {Lane.STANDARD}


def test_times_are_utc_with_milliseconds() -> None:
    assert rfc3339(datetime.fromisoformat("2026-01-01T01:00:00+01:00")) == "2026-01-01T00:00:00.000Z"


def test_a_workspace_has_the_documented_limits() -> None:
    workspace = Workspace(name="w", owner_email="o@w.test")
    assert (workspace.max_recipients, workspace.max_message_bytes) == (50, 25 * 1024 * 1024)
