"""What became of a delivery in a sentence, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.webhooks.console.faults import outcome, why_not
from services.webhooks.states import DeliveryState
from shared.console.words import span

TAKEN_UP_WITHIN = timedelta(seconds=5)
TAKEN_BEFORE = "It was taken before, and is posted again as somebody asked for it."
ITS_TURN = "An endpoint that is down gets one post at a time, and one that asked for a pause none."
RETRY = "Then retry it: its schedule of attempts begins anew."
ENABLE = "Enable the endpoint, then retry it."


@dataclass(frozen=True, slots=True)
class Account:
    """`tone` is one of the console's; `moment` (RFC 3339) ends the title."""

    tone: str
    title: str
    why: str
    advice: str = ""
    moment: str | None = None


def account_of(delivery: Mapping[str, Any], now: datetime) -> Account:
    """`delivery` is one with its attempts, as the API shows it."""
    last = delivery["attempts"][0] if delivery["attempts"] else None
    state, count = DeliveryState(delivery["state"]), delivery["attempt_count"]
    if state is DeliveryState.PROCESSING:
        return Account("calm", "Being posted", "Its answer shows here as soon as it is there.")
    if state is DeliveryState.PENDING or last is None:
        return _without_attempt(state)
    if state is DeliveryState.SUCCEEDED:
        took = f"{outcome(last['status'], last['error'])} after {span(last['ms'])}"
        return Account("good", "Taken", f"{took}, at attempt {count}.")
    why, advice = why_not(last["status"], last["error"]) if last["error"] else (TAKEN_BEFORE, "")
    if state is DeliveryState.CANCELED:
        return Account("mute", "Canceled", f"Its endpoint was disabled while it waited. {why}", ENABLE)
    if state is DeliveryState.FAILED:
        return Account("bad", f"Given up after {count} attempt{'' if count == 1 else 's'}", why, f"{advice} {RETRY}")
    if is_overdue(delivery, now):
        return Account("warn", "Due since", f"{why} {ITS_TURN}", advice, delivery["next_at"])
    return Account("warn" if last["error"] else "calm", "Next attempt", why, advice, delivery["next_at"])


def is_overdue(delivery: Mapping[str, Any], now: datetime) -> bool:
    """Whether it is due for another attempt, and nobody has taken it up."""
    if delivery["state"] != DeliveryState.RETRYING:
        return False
    return datetime.fromisoformat(delivery["next_at"]) + TAKEN_UP_WITHIN < now


def _without_attempt(state: DeliveryState) -> Account:
    if state is DeliveryState.CANCELED:
        return Account("mute", "Canceled", "Its endpoint was disabled before it was posted.", ENABLE)
    if state is DeliveryState.PENDING:
        return Account("calm", "Waits to be posted", "Its turn comes by itself, unless its endpoint is paused or down.")
    return Account("mute", state.capitalize(), "Its attempts are not kept any more.")
