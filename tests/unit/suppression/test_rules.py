"""What an event teaches, and what entries mean for a message."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.suppression.rules import NEVER, RANKS, Entry, Place, Reason, lesson_of, verdict_of
from services.suppression.settings import Settings
from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message, VerdictKind
from tests.fixtures.messages import a_message

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRETS = dict.fromkeys(("pepper", "token_key", "encryption_key"), "A" * 43 + "=")


def message(**changes: Any) -> Message:
    return a_message(**{"accepted_at": NOW, "message_id": "m1", "recipient": "Ann@b.example", **changes})


def entry(reason: Reason, workspace_id: str | None = "w1", until: datetime = NEVER) -> Entry:
    place = Place(workspace_id)
    evidence = {"event_id": "e1", "reply": "550 5.1.1 no such user"}
    return Entry("k", f"id-{place.scope}", place, "sealed", reason, until, "event", None, evidence, NOW, NOW)


def settings(**overrides: Any) -> Settings:
    return Settings(**SECRETS, **overrides)


def lesson(type_: EventType, **data: Any) -> Any:
    return lesson_of(event_of(message(), type_, NOW, data), settings())


@pytest.mark.parametrize(
    ("class_", "reason", "days"),
    [
        ("invalid_recipient", Reason.HARD_BOUNCE, None),
        ("inactive_mailbox", Reason.INACTIVE, 90),
        ("invalid_domain", Reason.INVALID_DOMAIN, 30),
    ],
)
def test_hard_bounce_of_the_address_is_learned_for_its_time(class_: str, reason: Reason, days: int | None) -> None:
    found = lesson(EventType.BOUNCED, **{"class": class_, "hard": True, "reply": "550 no", "code": 550, "rule": "r1"})
    assert (found.reason, found.place, found.address) == (reason, Place("w1"), "Ann@b.example")
    assert found.until == (NEVER if days is None else NOW + timedelta(days=days))
    assert found.evidence == {
        "event_id": found.event_id, "message_id": "m1", "class": class_, "code": 550, "rule": "r1", "reply": "550 no",
    }  # fmt: skip


def test_expiry_of_hard_bounces_is_a_setting() -> None:
    event = event_of(message(), EventType.BOUNCED, NOW, {"class": "invalid_recipient", "hard": True})
    found = lesson_of(event, settings(suppression_hard_bounce_days=365))
    assert found is not None
    assert found.until == NOW + timedelta(days=365)


def test_complaint_is_learned_for_good() -> None:
    found = lesson(EventType.COMPLAINED)
    assert (found.reason, found.until) == (Reason.COMPLAINT, NEVER)


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        (EventType.BOUNCED, {"class": "invalid_recipient", "hard": False}),
        (EventType.BOUNCED, {"class": "mailbox_full", "hard": True}),
        (EventType.BOUNCED, {"class": "content_rejected", "hard": True}),
        (EventType.BOUNCED, {}),
        (EventType.DEFERRED, {"class": "invalid_recipient", "hard": True}),
        (EventType.DELIVERED, {}),
    ],
)
def test_nothing_is_learned_from_the_rest(type_: EventType, data: dict[str, Any]) -> None:
    assert lesson(type_, **data) is None


def test_nothing_standing_sends() -> None:
    verdict = verdict_of(message(), [], NOW)
    assert (verdict.kind, verdict.by, verdict.checked_at) == (VerdictKind.SEND, "suppression", NOW)


def test_suppressed_tells_reason_scope_and_evidence() -> None:
    verdict = verdict_of(message(), [entry(Reason.HARD_BOUNCE)], NOW)
    assert (verdict.kind, verdict.reason, verdict.scope) == (VerdictKind.SUPPRESSED, "hard_bounce", "workspace:w1")
    assert verdict.evidence["reply"] == "550 5.1.1 no such user"
    assert verdict.evidence["suppression_id"] == "id-workspace:w1"


def test_platform_entry_stops_but_gives_nothing_of_its_sources_away() -> None:
    verdict = verdict_of(message(), [entry(Reason.MANUAL, None)], NOW)
    assert (verdict.kind, verdict.scope, verdict.evidence) == (VerdictKind.SUPPRESSED, "platform", {})


def test_an_entry_counts_until_it_expires() -> None:
    standing = entry(Reason.INACTIVE, until=NOW)
    assert verdict_of(message(), [standing], NOW - timedelta(milliseconds=1)).kind is VerdictKind.SUPPRESSED
    assert verdict_of(message(), [standing], NOW).kind is VerdictKind.SEND


def test_expired_message_is_not_sent() -> None:
    assert verdict_of(message(expires_at=NOW), [], NOW).kind is VerdictKind.EXPIRED
    assert verdict_of(message(expires_at=NOW), [entry(Reason.COMPLAINT)], NOW).kind is VerdictKind.EXPIRED


@given(st.sampled_from(Reason), st.sampled_from(Reason), st.booleans())
def test_precedence(workspace: Reason, platform: Reason, swapped: bool) -> None:
    """Erasure, complaint, manual, unsubscribe, hard bounce, the rest; of equals the platform's, in whatever order."""
    entries = [entry(workspace), entry(platform, None)]
    verdict = verdict_of(message(), entries[::-1] if swapped else entries, NOW)
    first = (Reason.ERASURE, Reason.COMPLAINT, Reason.MANUAL, Reason.UNSUBSCRIBE, Reason.HARD_BOUNCE)
    order = [*({reason} for reason in first), set(Reason) - set(first)]
    place = next(i for i, group in enumerate(order) if workspace in group or platform in group)
    expected = platform if platform in order[place] else workspace
    assert verdict.reason == expected
    assert verdict.scope == ("platform" if platform in order[place] else "workspace:w1")
    assert set(RANKS) == set(Reason)
