"""Hits as events: the same within a minute, with the identity of their message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.ingest.projection.fold import apply
from services.ingest.tracking.hits import Hit, address_kept, event_of_hit, judged
from shared.contracts.events import LAST_PASS, EventType, accepted_event, event_of
from tests.unit.ingest.lives import BEGAN, make_message

MESSAGE = make_message()
DELIVERED = apply(None, [event_of(MESSAGE.with_changes(pass_=2, attempt=3), EventType.DELIVERED, BEGAN)])
HIT = Hit(EventType.CLICKED, MESSAGE.workspace_id, MESSAGE.message_id, BEGAN + timedelta(minutes=5), "https://a.test/")


def test_hits_on_a_link_within_a_minute_are_one_event() -> None:
    again = replace(HIT, at=HIT.at + timedelta(seconds=59), user_agent="another", address="192.0.2.0")
    assert again.event_id == HIT.event_id
    others = [
        replace(HIT, at=HIT.at + timedelta(minutes=1)),
        replace(HIT, url="https://b.test/"),
        replace(HIT, type=EventType.OPENED),
        replace(HIT, message_id=make_message().message_id),
        replace(HIT, machine="scanner"),
    ]
    assert len({HIT.event_id, *(other.event_id for other in others)}) == 6
    assert replace(HIT, machine="proxy").event_id == replace(HIT, machine="scanner").event_id


def test_the_event_is_of_its_message_wherever_that_was_read() -> None:
    """From the read model, or from the submission before the read model has heard of it."""
    of_submission = event_of_hit(HIT, apply(None, [accepted_event(MESSAGE)]))
    of_read_model = event_of_hit(HIT, DELIVERED)
    assert of_read_model.attempt == 3
    assert of_submission == of_read_model.with_changes(attempt=0)
    expected = event_of(MESSAGE, EventType.CLICKED, HIT.at, {"url": "https://a.test/"})
    assert of_submission.model_dump(exclude={"event_id"}) == expected.model_dump(exclude={"event_id"})
    assert of_submission.sequence > LAST_PASS * 100


def test_a_hit_that_comes_too_soon_is_a_machines() -> None:
    soon = replace(HIT, at=BEGAN + timedelta(seconds=2))
    assert judged(soon, DELIVERED, 5).machine == "scanner"
    assert judged(HIT, DELIVERED, 5) == HIT
    assert judged(replace(soon, machine="proxy"), DELIVERED, 5).machine == "proxy"
    assert judged(replace(soon, type=EventType.UNSUBSCRIBED), DELIVERED, 5).machine is None
    event = event_of_hit(judged(soon, DELIVERED, 5), DELIVERED)
    assert event.data == {"url": "https://a.test/", "machine": True, "machine_reason": "scanner"}


@pytest.mark.parametrize(
    ("address", "truncated", "whole"),
    [
        ("203.0.113.77", "203.0.113.0", "203.0.113.77"),
        ("2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::", "2001:db8:aaaa:bbbb::1"),
        ("::ffff:203.0.113.77", "203.0.113.0", "203.0.113.77"),
        ("fe80::1%eth0", "fe80::", "fe80::1"),
        ("testclient", None, None),
        (None, None, None),
    ],
)
def test_what_is_kept_of_an_address(address: str | None, truncated: str | None, whole: str | None) -> None:
    assert address_kept(address, "truncated") == truncated
    assert address_kept(address, "whole") == whole
    assert address_kept(address, "none") is None
