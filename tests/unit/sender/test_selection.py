"""What a selection selects, and which hold a message is under."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sender.queue.holds import Hold, HoldBook
from services.sender.queue.selection import PARTS, Facts, Selection, facts_of
from shared.contracts.messages import Route, TlsMode
from tests.fixtures.messages import a_message

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
few = st.sampled_from(["a", "b"])
facts = st.builds(Facts, few, few, few, few, few)
selections = st.builds(
    Selection,
    messages=st.none() | st.frozensets(few, min_size=1),
    **{part: st.none() | few for part in PARTS},
)
holds = st.builds(
    Hold,
    id=st.uuids().map(str),
    owner=st.none(),
    selection=selections,
    reason=st.just("x"),
    by=st.just("operator"),
    since=st.integers(-9, 0).map(lambda hours: NOW + timedelta(hours=hours)),
    until=st.none() | st.sampled_from([NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=1)]),
    ends=st.booleans(),
)


def test_nothing_named_selects_every_message() -> None:
    assert Selection().matches(Facts("m", "w", "d", "t", "r"))


@given(selections, facts)
def test_all_that_is_named_must_be_the_messages(selection: Selection, message: Facts) -> None:
    named = {part: value for part, value in selection.parts() if value is not None}
    ids = selection.messages is None or message.message in selection.messages
    expected = ids and all(getattr(message, part) == value for part, value in named.items())
    assert selection.matches(message) is expected


@given(selections, facts, st.sampled_from(PARTS), few)
def test_naming_more_never_selects_more(selection: Selection, message: Facts, part: str, value: str) -> None:
    if getattr(selection, part) is None and replace(selection, **{part: value}).matches(message):
        assert selection.matches(message)


@given(selections, selections, facts)
def test_a_selection_that_names_all_of_another_is_within_it(one: Selection, other: Selection, message: Facts) -> None:
    wide = replace(other, messages=None)
    if one.names(wide) and one.matches(message):
        assert wide.matches(message)


@given(selections)
def test_a_stored_selection_is_the_same(selection: Selection) -> None:
    assert Selection.of(selection.as_document()) == selection


@given(st.lists(holds, max_size=6), facts)
def test_the_book_finds_what_looking_at_every_hold_finds(found: list[Hold], message: Facts) -> None:
    under = [hold for hold in found if hold.selection.matches(message) and (hold.until is None or hold.until > NOW)]
    expected = min(under, key=lambda hold: (not hold.ends, hold.since, hold.id), default=None)
    assert HoldBook(found).of(message, NOW) == expected


def test_a_message_without_a_route_has_no_transport_and_no_rollup() -> None:
    message = a_message("Ann@b.example", workspace_id="w7")
    assert facts_of(message) == Facts(message.message_id, "w7", "b.example")
    route = Route(
        transport="direct", transport_version=1, kind="direct", hosts=[], tls=TlsMode.REQUIRED, rollup="google",
        rule="default", rule_version=0, candidates=[], decided_at=NOW,
    )  # fmt: skip
    routed = facts_of(message.with_changes(route=route))
    assert (routed.transport, routed.rollup) == ("direct", "google")
