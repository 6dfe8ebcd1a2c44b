"""What became of a delivery, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.webhooks.console.account import ITS_TURN, TAKEN_BEFORE, account_of, is_overdue
from services.webhooks.console.faults import BY_ERROR, UNKNOWN, outcome, why_not
from services.webhooks.states import DeliveryState
from shared.contracts.record import rfc3339

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_delivery(state: str, *attempts: dict[str, Any], due_in: float = 60) -> dict[str, Any]:
    next_at = rfc3339(NOW + timedelta(seconds=due_in))
    return {"state": state, "attempt_count": len(attempts), "attempts": list(attempts), "next_at": next_at}


REFUSED = {"status": 503, "error": "http_5xx", "ms": 12}
LATE = {"status": None, "error": "timeout", "ms": 15000}
TAKEN = {"status": 204, "error": None, "ms": 1400}


@pytest.mark.parametrize(
    ("delivery", "tone", "title", "words"),
    [
        (a_delivery("succeeded", TAKEN, REFUSED), "good", "Taken", "HTTP 204 after 1.4 s, at attempt 2."),
        (a_delivery("processing", REFUSED), "calm", "Being posted", "as soon as it is there"),
        (a_delivery("pending"), "calm", "Waits to be posted", "Its turn comes by itself"),
        (a_delivery("retrying", LATE), "warn", "Next attempt", "It did not answer in time."),
        (a_delivery("retrying", LATE, due_in=-60), "warn", "Due since", ITS_TURN),
        (a_delivery("retrying", TAKEN), "calm", "Next attempt", TAKEN_BEFORE),
        (a_delivery("failed", REFUSED), "bad", "Given up after 1 attempt", "an error of its own"),
        (a_delivery("failed", REFUSED, LATE), "bad", "Given up after 2 attempts", "an error of its own"),
        (a_delivery("canceled"), "mute", "Canceled", "before it was posted"),
        (a_delivery("canceled", LATE), "mute", "Canceled", "while it waited. It did not answer in time."),
        (a_delivery("succeeded"), "mute", "Succeeded", "not kept any more"),
    ],
)
def test_each_state_is_told(delivery: dict[str, Any], tone: str, title: str, words: str) -> None:
    account = account_of(delivery, NOW)
    assert (account.tone, account.title) == (tone, title)
    assert words in account.why


@pytest.mark.parametrize("state", DeliveryState)
@pytest.mark.parametrize("attempts", [(), (TAKEN,), (REFUSED,), (LATE, REFUSED)])
def test_there_is_a_sentence_for_every_state_and_history(state: str, attempts: tuple[dict[str, Any], ...]) -> None:
    account = account_of(a_delivery(state, *attempts), NOW)
    assert account.title
    assert account.why.endswith(".")


def test_only_what_waits_for_a_retry_can_be_overdue() -> None:
    assert is_overdue(a_delivery("retrying", due_in=-6), NOW)
    assert not is_overdue(a_delivery("retrying", due_in=-4), NOW)
    assert not is_overdue({**a_delivery("failed"), "next_at": None}, NOW)


def test_each_fault_has_its_words_and_a_status_is_more_than_its_class() -> None:
    assert all(why_not(None, error) == words for error, words in BY_ERROR.items())
    assert why_not(404, "http_4xx") != why_not(418, "http_4xx") == BY_ERROR["http_4xx"]
    assert why_not(None, "something new") == UNKNOWN


def test_an_outcome_in_short() -> None:
    assert (outcome(503, "http_5xx"), outcome(None, "connection_lost")) == ("HTTP 503", "connection lost")
