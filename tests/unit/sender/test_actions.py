"""Which action may change a message in which state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.queue.actions import EVERY_STATE, STATES, Action, Options, Refusal, refusal_of
from services.sender.queue.holds import Hold
from services.sender.queue.selection import Selection
from services.sender.rules import held_back, released, settle_command
from shared.contracts.commands import Command, CommandType
from shared.contracts.events import EventType
from shared.contracts.messages import Reroute
from tests.fixtures.messages import a_message

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MAY = None


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        (Action.HOLD, "waiting deferred"),
        (Action.RELEASE, "held"),
        (Action.RETRY, "deferred"),
        (Action.BOUNCE, "waiting leased deferred released held"),
        (Action.REROUTE, "waiting leased deferred held"),
    ],
)
def test_each_action_has_its_states(action: Action, allowed: str) -> None:
    may = {state for state in EVERY_STATE if refusal_of(action, state, marked=False) is MAY}
    assert may == set(allowed.split())


@pytest.mark.parametrize(
    ("action", "state", "marked", "refusal"),
    [
        (Action.BOUNCE, "leased", True, Refusal.UNDER_WAY),
        (Action.REROUTE, "leased", True, Refusal.UNDER_WAY),
        (Action.HOLD, "leased", False, Refusal.UNDER_WAY),
        (Action.BOUNCE, "deferred", True, MAY),
        (Action.BOUNCE, "ended", False, Refusal.ENDED),
        (Action.RETRY, "held", False, Refusal.HELD),
        (Action.RETRY, "released", False, Refusal.ON_ITS_WAY),
        (Action.RETRY, "waiting", False, Refusal.WAITS_FOR_A_CONNECTION),
        (Action.RELEASE, "waiting", False, Refusal.NOT_HELD),
    ],
)
def test_why_a_message_is_left(action: Action, state: str, marked: bool, refusal: Refusal | None) -> None:
    assert refusal_of(action, state, marked=marked) is refusal


@given(st.sampled_from(Action), st.sampled_from(EVERY_STATE), st.booleans())
def test_nothing_is_done_behind_the_mark_and_nothing_to_what_has_ended(
    action: Action, state: str, marked: bool
) -> None:
    allowed = refusal_of(action, state, marked=marked) is MAY
    assert not allowed or state in STATES[action]
    assert not (allowed and (state == "ended" or (state == "leased" and marked)))


def test_stored_options_are_the_same() -> None:
    options = Options("why", "t1", ("h1", "h2"))
    assert Options.of(options.as_document()) == options


@pytest.mark.parametrize("hours", [None, 1, 100])
def test_what_is_held_waits_at_most_until_its_hold_or_its_life_ends(hours: int | None) -> None:
    message = a_message(accepted_at=NOW)
    until = NOW + timedelta(hours=hours) if hours else None
    hold = Hold("h1", None, Selection(), "their hosts are down", "operator", NOW, until)
    settled = held_back(message, hold, NOW)
    assert settled.event is not None
    assert (settled.state, settled.hold, settled.attempts) == ("held", "h1", 0)
    assert settled.due_at == min(until or message.expires_at, message.expires_at)
    said: dict[str, Any] = settled.event.data
    assert (settled.event.type, said["reason"], said["hold"]) == (EventType.QUEUED, "held", "h1")
    assert (said["by"], said["detail"]) == ("operator", "their hosts are down")
    assert ("until" in said) is (until is not None)
    other = held_back(message, Hold("h2", None, Selection(), "x", "operator", NOW), NOW)
    assert other.event is not None
    assert other.event.event_id != settled.event.event_id


def test_a_bounce_ends_a_message_in_its_own_pass_and_says_who_and_why() -> None:
    command = Command(
        command_id="c", type=CommandType.BOUNCE, occurred_at=NOW, message=a_message(), by="operator", text="a mistake"
    )
    settled = settle_command(command, NOW, 3)
    assert settled.event is not None
    assert (settled.state, settled.event.type, settled.event.pass_) == ("ended", EventType.FAILED, 3)
    said = {name: settled.event.data[name] for name in ("reason", "by", "detail")}
    assert said == {"reason": "bounced", "by": "operator", "detail": "a mistake"}


def test_a_wish_for_another_way_holds_until_an_attempt_was_made() -> None:
    wish, other = Reroute(take="t2"), Reroute(avoid="t1")
    message = a_message(reroute=wish, attempt=2)
    assert released(message, 4, 2, None, NOW).reroute == wish
    assert released(message, 4, 3, None, NOW).reroute is None
    assert released(message, 4, 3, None, NOW, other).reroute == other
    assert released(message, 4, 2, None, NOW, other).reroute == other
