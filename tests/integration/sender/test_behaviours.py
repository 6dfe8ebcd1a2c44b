"""Every behaviour of a receiving server, through a real sender in one run: events, retries, suppression, attempts."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

from services.sender.retry import AMBIGUOUS, DEFAULT_DELAYS, STANDARD
from services.sender.smtp.outcomes import BounceClass
from shared.contracts.events import Event
from tests.integration.sender.behaviours import ROWS, Says
from tests.integration.sender.estate import (
    ADDRESS,
    Place,
    events_by_message,
    first_attempts,
    next_attempts,
    places,
)
from tests.integration.sender.world import World

TIMEOUT = 3.0
JITTER = 0.2
AS_IN_PRODUCTION: dict[str, Any] = {
    "retry_delays": DEFAULT_DELAYS[STANDARD],
    "greylist_delays": DEFAULT_DELAYS[BounceClass.GREYLISTED],
    "ambiguous_delays": DEFAULT_DELAYS[AMBIGUOUS],
    "retry_jitter": JITTER,
}


def certificates(authority: trustme.CA) -> dict[str, ssl.SSLContext]:
    now = datetime.now(UTC)
    made = {
        "good": authority.issue_cert(ADDRESS),
        "expired": authority.issue_cert(ADDRESS, not_before=now - timedelta(days=9), not_after=now - timedelta(days=2)),
    }
    contexts = {}
    for name, certificate in made.items():
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(contexts[name])
    return contexts


async def test_what_a_receiving_server_does_and_what_becomes_of_the_message(
    world: World, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    options = AS_IN_PRODUCTION | {
        "command_timeout_seconds": TIMEOUT,
        "dot_timeout_seconds": TIMEOUT,
        "connect_timeout_seconds": TIMEOUT,
        "ca_file": str(tmp_path / "ca.pem"),
    }
    async with places(world, ROWS, certificates(authority)) as opened, world.sender(**options):
        await first_attempts(world, opened)
        again, pass_ = opened, 0
        while again := [place for place in again if len(place.row.says) > pass_ + 1]:
            pass_ += 1
            await next_attempts(world, again, pass_)
        events = await events_by_message(world)
        wrong = {place.row.name: found for place in opened if (found := await faults(world, place, events))}
    assert not wrong


async def faults(world: World, place: Place, events: dict[str, list[Event]]) -> list[str]:
    """What of a row is not as it should be, in words."""
    found = []
    for message in place.messages:
        said = events.get(message.message_id, [])
        found += faults_of_events(place.row.says, said)
        tls = said[-1].data.get("tls", {}) if said else {}
        if place.row.encrypted not in (None, "version" in tls):
            found.append(f"TLS {tls}")
        if said and not place.row.data.items() <= said[-1].data.items():
            found.append(f"says {said[-1].data}")
        delivery = await world.delivery(message)
        last = place.row.says[-1]
        attempts = last.attempts if last.attempts is not None else len(place.row.says)
        if delivery["attempt"] != attempts:
            found.append(f"{delivery['attempt']} attempts")
        if delivery["state"] != ("deferred" if last.retried else "ended"):
            found.append(f"is {delivery['state']}")
        if last.retried and delivery["due_at"] <= datetime.now(UTC):
            found.append(f"due at {delivery['due_at']}")
    if place.row.says[-1].type in ("delivered", "relayed") and place.taken != place.row.messages:
        found.append(f"{place.taken} messages taken")
    if place.row.sessions is not None and place.sessions != place.row.sessions:
        found.append(f"{place.sessions} sessions")
    return found


def faults_of_events(wanted: Sequence[Says], said: Sequence[Event]) -> list[str]:
    if [str(event.type) for event in said] != [each.type for each in wanted]:
        return [f"said {[(str(event.type), event.data.get('reply')) for event in said]}"]
    found = []
    for number, (each, event) in enumerate(zip(wanted, said, strict=True), 1):
        data = event.data
        seen = Says(
            type=str(event.type),
            stage=data["stage"],
            class_=data.get("class"),
            retried=each.retried if is_due_by(each, number, event) else f"next at {data.get('next_at')}",
            suppress=data.get("suppress", False),
            hard=data.get("hard", False),
            attempts=each.attempts,
        )
        if seen != each:
            found.append(f"attempt {number}: {seen}")
        found += [f"attempt {number}: transcript of {step}" for step in data["transcript"] if not is_whole(step)]
        if not any(step["stage"] == each.stage for step in data["transcript"]) and data.get("rule") not in UNSAID:
            found.append(f"attempt {number}: its transcript ends before {each.stage}")
    return found


UNSAID = ("announced-size", "no-smtputf8")
"""Refusals of our own, of which the peer has not heard."""


def is_whole(step: dict[str, Any]) -> bool:
    """Whether a step of a transcript says where, what and how long."""
    return {"stage", "ms"} <= step.keys() and bool({"sent", "reply"} & step.keys()) and step["ms"] >= 0


def is_due_by(wanted: Says, number: int, event: Event) -> bool:
    """Whether the next attempt is due by the delays of that name, or by none."""
    next_at = event.data.get("next_at")
    if wanted.retried is None or next_at is None:
        return wanted.retried is next_at is None
    delays = DEFAULT_DELAYS[wanted.retried]
    delay = delays[min(number, len(delays)) - 1]
    seconds = (datetime.fromisoformat(next_at) - event.occurred_at).total_seconds()
    least = delay if wanted.retried == AMBIGUOUS else delay * (1 - JITTER)
    return least - 1 <= seconds <= delay * (1 + JITTER) + 1
