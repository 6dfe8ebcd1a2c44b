"""What an event teaches at once, and what entries mean for a message."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.smtp.outcomes import SUPPRESSING, BounceClass, Bounced
from services.suppression.rules import (
    NEVER,
    RANKS,
    Entry,
    Place,
    Reason,
    leading,
    lesson_of,
    lifetime_of,
    names_for,
    verdict_of,
)
from shared.contracts.events import EventType, event_of
from shared.contracts.messages import VerdictKind
from shared.contracts.topics import Stream
from tests.unit.suppression.made import NOW, event, message, settings

PLACES = (Place(), Place("w1"), Place("w1", domain="acme.example"), Place("w1", stream="product"))
PRECEDENCE = (Reason.COMPLAINT, Reason.MANUAL, Reason.UNSUBSCRIBE, Reason.HARD_BOUNCE)


def entry(reason: Reason, place: Place = Place("w1"), until: datetime = NEVER) -> Entry:
    evidence = {"event_id": "e1", "reply": "550 5.1.1 no such user"}
    return Entry(place.name, f"id-{place.name}", place, "sealed", reason, until, "event", None, evidence, NOW, NOW)


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("class_", list(BounceClass))
def test_a_class_suppresses_here_just_where_the_sender_says_so(class_: BounceClass, hard: bool) -> None:
    """The whole table: what the `suppress` of a bounce tells customers is what becomes an entry."""
    data = Bounced(class_=class_, hard=hard, code=550, text="no").to_data()
    assert (lesson_of(event(EventType.BOUNCED, **data), settings()) is not None) == data["suppress"]
    assert data["suppress"] == (hard and class_ in SUPPRESSING)


@pytest.mark.parametrize(
    ("class_", "reason", "days"),
    [
        ("invalid_recipient", Reason.HARD_BOUNCE, None),
        ("inactive_mailbox", Reason.INACTIVE, 90),
        ("invalid_domain", Reason.INVALID_DOMAIN, 30),
    ],
)
def test_hard_bounce_of_the_address_is_learned_for_its_time(class_: str, reason: Reason, days: int | None) -> None:
    bounced = event(EventType.BOUNCED, **{"class": class_, "hard": True, "reply": "550 no", "code": 550, "rule": "r1"})
    found = lesson_of(bounced, settings())
    assert found is not None
    assert (found.reason, found.place, found.address) == (reason, Place("w1"), "Ann@b.example")
    assert found.until == (NEVER if days is None else NOW + timedelta(days=days))
    assert found.evidence == {
        "event_id": found.event_id, "message_id": "m1", "class": class_, "code": 550, "rule": "r1", "reply": "550 no",
    }  # fmt: skip


def test_the_evidence_keeps_no_more_of_a_reply_than_it_needs() -> None:
    bounced = event(EventType.BOUNCED, **{"class": "invalid_recipient", "hard": True, "reply": "550 " + "x" * 900})
    found = lesson_of(bounced, settings())
    assert found is not None
    assert len(found.evidence["reply"]) == 500


def test_expiry_of_hard_bounces_is_a_setting() -> None:
    bounced = event_of(message(), EventType.BOUNCED, NOW, {"class": "invalid_recipient", "hard": True})
    found = lesson_of(bounced, settings(suppression_hard_bounce_days=365))
    assert found is not None
    assert found.until == NOW + timedelta(days=365)


def test_complaint_is_learned_for_good() -> None:
    found = lesson_of(event(EventType.COMPLAINED), settings())
    assert found is not None
    assert (found.reason, found.until) == (Reason.COMPLAINT, NEVER)


@pytest.mark.parametrize("type_", [each for each in EventType if each not in (EventType.BOUNCED, EventType.COMPLAINED)])
def test_nothing_is_learned_from_other_events(type_: EventType) -> None:
    """Nor from an unsubscription, which the contact has: transactional mail goes on."""
    assert lesson_of(event(type_, **{"class": "invalid_recipient", "hard": True}), settings()) is None


def test_what_somebody_asked_for_counts_for_good_and_the_rest_for_its_days() -> None:
    days = {Reason.INACTIVE: 90, Reason.INVALID_DOMAIN: 30, Reason.SOFT_BOUNCE_LIMIT: 7}
    for reason in Reason:
        expected = timedelta(days=days[reason]) if reason in days else None
        assert lifetime_of(reason, settings()) == expected


def test_a_message_is_checked_in_four_places() -> None:
    sent = message(sender="News@Acme.EXAMPLE", stream=Stream.BILLING)
    assert names_for(sent) == (
        "platform", "workspace:w1", "workspace:w1:domain:acme.example", "workspace:w1:stream:billing",
    )  # fmt: skip


def test_nothing_standing_sends() -> None:
    verdict = verdict_of(message(), leading([], NOW), NOW)
    assert (verdict.kind, verdict.by, verdict.checked_at) == (VerdictKind.SEND, "suppression", NOW)


def test_suppressed_tells_reason_scope_and_evidence() -> None:
    verdict = verdict_of(message(), entry(Reason.HARD_BOUNCE), NOW)
    assert (verdict.kind, verdict.reason, verdict.scope) == (VerdictKind.SUPPRESSED, "hard_bounce", "workspace:w1")
    assert verdict.evidence["reply"] == "550 5.1.1 no such user"
    assert verdict.evidence["suppression_id"] == "id-workspace:w1"
    narrow = verdict_of(message(), entry(Reason.MANUAL, PLACES[2]), NOW)
    assert narrow.scope == "workspace:w1:domain:acme.example"


def test_platform_entry_stops_but_gives_nothing_of_its_sources_away() -> None:
    verdict = verdict_of(message(), entry(Reason.MANUAL, Place()), NOW)
    assert (verdict.kind, verdict.scope, verdict.evidence) == (VerdictKind.SUPPRESSED, "platform", {})


def test_an_entry_counts_until_it_expires() -> None:
    standing = entry(Reason.INACTIVE, until=NOW)
    assert leading([standing], NOW - timedelta(milliseconds=1)) is standing
    assert leading([standing], NOW) is None


def test_expired_message_is_not_sent() -> None:
    assert verdict_of(message(expires_at=NOW), None, NOW).kind is VerdictKind.EXPIRED
    assert verdict_of(message(expires_at=NOW), entry(Reason.COMPLAINT), NOW).kind is VerdictKind.EXPIRED


@given(st.lists(st.tuples(st.sampled_from(Reason), st.sampled_from(PLACES), st.booleans()), max_size=6), st.randoms())
def test_precedence(found: list[tuple[Reason, Place, bool]], draw: Any) -> None:
    """Erasure, the platform's, complaint, manual, unsubscribe, hard bounce, the rest; in whatever order they are."""
    entries = [entry(reason, place, NEVER if stands else NOW) for reason, place, stands in found]
    standing = [each for each in entries if each.until > NOW]
    lead = leading(entries, NOW)
    draw.shuffle(entries)
    again = leading(entries, NOW)
    assert (lead is None) == (again is None) == (not standing)
    if lead is None or again is None:
        return
    assert (lead.reason, lead.place) == (again.reason, again.place)
    reasons = {each.reason for each in standing}
    platform = {each.reason for each in standing if each.place == Place()}
    if Reason.ERASURE in reasons:
        assert lead.reason is Reason.ERASURE
    elif platform:
        assert lead.place == Place()
        assert RANKS[lead.reason] == max(RANKS[each] for each in platform)
    else:
        first = next((each for each in PRECEDENCE if each in reasons), None)
        assert lead.reason is first or (first is None and lead.reason in reasons)


def test_a_spared_complaint_hides_nothing_else() -> None:
    complaint, bounce, platform = entry(Reason.COMPLAINT), entry(Reason.HARD_BOUNCE), entry(Reason.COMPLAINT, Place())
    assert leading([complaint], NOW, spare_complaints=True) is None
    assert leading([complaint, bounce], NOW, spare_complaints=True) is bounce
    assert leading([complaint, platform], NOW, spare_complaints=True) is platform
    assert leading([complaint, bounce], NOW) is complaint
