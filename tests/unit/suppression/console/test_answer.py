"""Whether mail goes to an address: over every scope, and with complaints that critical mail goes out in spite of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.suppression.console.answer import ALL, SPARED, answered
from services.suppression.rules import NEVER, PLATFORM, Entry, Place, Reason
from tests.unit.suppression.made import NOW

WORKSPACE = Place("w1")
DOMAIN = Place("w1", domain="acme.example")
BILLING, SECURITY = Place("w1", stream="billing"), Place("w1", stream="security")


def entry(reason: Reason, place: Place = WORKSPACE, until: timedelta | None = None) -> Entry:
    end = NEVER if until is None else NOW + until
    return Entry(place.name, f"id-{reason}", place, "sealed", reason, end, "api", None, {}, NOW, NOW)


def mails(*entries: Entry, spares: bool = False) -> tuple[str, list[str]]:
    found = answered(entries, NOW, spares_complaints=spares)
    return found.tone, [one.mail for one in found.stopped]


def test_without_an_entry_that_counts_mail_goes_out() -> None:
    assert mails() == ("good", [])
    assert mails(entry(Reason.INACTIVE, until=timedelta(0))) == ("good", [])


@pytest.mark.parametrize("place", [WORKSPACE, PLATFORM])
def test_a_wide_entry_stops_all_and_says_so_alone(place: Place) -> None:
    assert mails(entry(Reason.MANUAL, place), entry(Reason.UNSUBSCRIBE, BILLING)) == ("bad", [ALL])


def test_of_two_wide_entries_the_one_is_told_that_a_message_would_be_told() -> None:
    found = answered([entry(Reason.MANUAL), entry(Reason.HARD_BOUNCE, PLATFORM)], NOW, spares_complaints=False)
    assert [one.entry.place for one in found.stopped] == [PLATFORM]


def test_narrow_entries_stop_what_they_name() -> None:
    stopped = mails(entry(Reason.UNSUBSCRIBE, BILLING), entry(Reason.UNSUBSCRIBE, DOMAIN))
    assert stopped == ("warn", ["mail from acme.example", "mail of the stream billing"])


def test_a_complaint_spares_critical_mail_where_the_workspace_wants_so() -> None:
    assert mails(entry(Reason.COMPLAINT)) == ("bad", [ALL])
    assert mails(entry(Reason.COMPLAINT), spares=True) == ("warn", [f"{ALL} {SPARED}"])
    assert mails(entry(Reason.COMPLAINT), entry(Reason.MANUAL), spares=True) == ("bad", [ALL])
    assert mails(entry(Reason.COMPLAINT, PLATFORM), spares=True) == ("bad", [ALL])
    assert mails(entry(Reason.COMPLAINT, DOMAIN), spares=True) == ("warn", [f"mail from acme.example {SPARED}"])
    assert mails(entry(Reason.COMPLAINT, SECURITY), spares=True) == ("good", [])
    assert mails(entry(Reason.COMPLAINT, BILLING), spares=True) == ("warn", ["mail of the stream billing"])
