"""What became of a delivery in a sentence, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.webhooks.console.faults import outcome, why_not
from services.webhooks.states import DeliveryState
from shared.console.words import span


@dataclass(frozen=True, slots=True)
class Account:
    """`tone` is one of the console's."""

    tone: str
    title: str
    why: str
    advice: str = ""


def account_of(delivery: Mapping[str, Any]) -> Account:
    """`delivery` is one with its attempts, as the API shows it."""
    last = delivery["attempts"][0] if delivery["attempts"] else None
    state, count = DeliveryState(delivery["state"]), delivery["attempt_count"]
    if state is DeliveryState.SUCCEEDED and last is not None:
        took = f"{outcome(last['status'], last['error'])} after {span(last['ms'])}"
        return Account("good", "Taken", f"{took}, at attempt {count}.")
    if state is DeliveryState.PROCESSING:
        return Account("calm", "Being posted", "Its answer shows here as soon as it is there.")
    if state is DeliveryState.PENDING or last is None:
        return _without_attempt(state)
    why, advice = why_not(last["status"], last["error"])
    if state is DeliveryState.RETRYING:
        return Account("warn", "Next attempt", f"The last one failed. {why}", advice)
    if state is DeliveryState.CANCELED:
        return Account("mute", "Canceled", f"Its endpoint was disabled while it waited. {why}", CANCELED)
    return Account("bad", f"Given up after {count} attempt{'' if count == 1 else 's'}", why, f"{advice} {FAILED}")


FAILED = "Then retry it: its schedule of attempts begins anew."
CANCELED = "Enable the endpoint, then retry it."


def _without_attempt(state: DeliveryState) -> Account:
    if state is DeliveryState.CANCELED:
        return Account("mute", "Canceled", "Its endpoint was disabled before it was posted.", CANCELED)
    if state is DeliveryState.PENDING:
        return Account("calm", "Waits to be posted", "Its turn comes by itself, unless its endpoint is paused or down.")
    return Account("mute", state.capitalize(), "Its attempts are not kept any more.")
