"""Selections, jobs and refusals in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.sender.queue.actions import Refusal
from shared.console.words import count

ASKED = {
    "hold": "Hold", "release": "Release", "retry": "Retry now", "bounce": "Bounce", "reroute": "Reroute",
}  # fmt: skip
TITLES = {
    "hold": "Hold mail",
    "release": "Release mail",
    "retry": "Try mail again now",
    "bounce": "Bounce mail",
    "reroute": "Send mail another way",
}
DONE = {
    "hold": "held",
    "release": "released",
    "retry": "due now",
    "bounce": "ended as failed",
    "reroute": "sent another way",
}
MEANT = {
    "retry": "What is deferred is tried at once, whatever its schedule says. What is held stays held.",
    "hold": "None of them is attempted from now on, neither what is here nor what is still to come, until the hold is "
    "released or ends. Messages still expire under a hold.",
    "release": "The holds of this workspace that name them are lifted. What was held goes on.",
    "reroute": "Their next attempt takes another transport, where their route has one.",
    "bounce": "They end as failed, with your reason in each one's trace. No address is suppressed for it. "
    "This cannot be undone.",
}
LEFT = {
    Refusal.UNDER_WAY: "being delivered",
    Refusal.ON_ITS_WAY: "being routed already",
    Refusal.WAITS_FOR_A_CONNECTION: "in line for a connection already",
    Refusal.HELD: "held",
    Refusal.NOT_HELD: "not held",
    Refusal.ENDED: "ended already",
    Refusal.UNKNOWN: "not in the queue yet",
    Refusal.CHANGED: "changed meanwhile",
}


def selected(selection: Mapping[str, Any], transports: Mapping[str, str]) -> str:
    """What a selection selects; `transports` are names by id."""
    parts = []
    if "messages" in selection:
        parts.append(messages(len(selection["messages"])))
    if "domain" in selection:
        parts.append(f"to {selection['domain']}")
    if "rollup" in selection and not is_smarthost(selection["rollup"]):
        parts.append(f"to the hosts {hosts(selection['rollup'])}")
    if "transport" in selection:
        transport = selection["transport"]
        parts.append(f"by {transports.get(transport, transport)}")
    if "messages" not in selection:
        parts.insert(0, "all mail")
    return " ".join(parts)


def place(transport: str | None, rollup: str | None, transports: Mapping[str, str]) -> tuple[str, str]:
    """A destination, and by which way it is gone to."""
    if transport is None or rollup is None:
        return "no route yet", ""
    name = transports.get(transport, transport)
    return (name, "smart host") if is_smarthost(rollup) else (hosts(rollup), f"by {name}")


def hosts(rollup: str) -> str:
    """What recipients' mail hosts have in common, without the kind of thing that it is where that says no more."""
    kind, colon, name = rollup.partition(":")
    return name if colon and kind in ("static", "d") else rollup


def is_smarthost(rollup: str) -> bool:
    return rollup.startswith("smarthost:")


def messages(number: int) -> str:
    return f"{count(number)} {'message' if number == 1 else 'messages'}"


def left_words(action: str, refused: Mapping[str, int]) -> str:
    """Why a job left some as they were."""
    words = LEFT | ({Refusal.HELD: "under a wider hold, which goes as a whole"} if action == "release" else {})
    return ", ".join(f"{count(number)} {words[Refusal(reason)]}" for reason, number in refused.items())


def result(job: Mapping[str, Any]) -> str:
    """What came of a job, as a notice."""
    action = job["action"]
    if job["state"] == "open":
        return f"{ASKED[action]}: asked for. It goes on in the background; what was done says how far it is."
    told = f"{ASKED[action]}: {messages(job['changed'])} {DONE[action]}"
    left = left_words(action, job["refused"])
    return f"{told}; left as they were: {left}." if left else f"{told}."
