"""A decision that was made: what an event of `mail.events` reports of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.router.health import UNTROUBLED, Health, Reputation, Standing, State
from services.router.mx import Destination, Finding
from services.router.replay.outcome import Outcome, outcome_of
from shared.contracts.messages import LastAttempt, Message, Reroute, Route, Seen, Verdict, Versions

ALIVE = timedelta(days=1)
Event = Mapping[str, Any]
"""A record of `mail.events`, read as JSON."""


@dataclass(frozen=True, slots=True)
class Past:
    """A message as its router had it in one pass, what was known then, and what it came to.

    `destination` is None where nobody had looked for the recipient's mail hosts; `considered` are the transports whose
    health was looked at.
    """

    message: Message
    destination: Destination | None
    health: Health
    at: datetime
    outcome: Outcome
    considered: frozenset[str]

    @property
    def key(self) -> tuple[str, int]:
        """A decision is one of a message's pass, however many events report it."""
        return self.message.message_id, self.message.pass_


def past_of(event: Event) -> Past | None:
    """The decision by rules that an event reports; None where it reports none.

    A verdict on configuration that was behind, or on a life that had ended, is by no rule. Raises ValueError for one
    that does not say what it was made from.
    """
    data = event.get("data") or {}
    route = Route.model_validate(data["route"]) if data.get("route") else None
    verdict = Verdict.model_validate(data["verdict"]) if data.get("verdict") else None
    by = route or verdict
    if by is None or by.rule is None or (isinstance(by, Verdict) and by.by != "router"):
        return None
    inputs = by.inputs or {}
    if not inputs.keys() >= {"sender_domain", "recipient_domain", "size", "attempt"}:
        raise ValueError("the decision does not say what it was made from")
    at = route.decided_at if route is not None else verdict.checked_at if verdict is not None else None
    assert at is not None
    message = _message(event, inputs, at)
    destination = Destination(Finding(inputs["dns"]), str(inputs["rollup"])) if "dns" in inputs else None
    outcome = outcome_of(route, None if route else verdict, str(event["lane"]))
    health = _health(inputs, message.workspace_id, destination)
    return Past(message, destination, health, at, outcome, frozenset(each.transport for each in outcome.candidates))


def _message(event: Event, inputs: Mapping[str, Any], at: datetime) -> Message:
    """What nobody decides by (the content, whose address it was) is left out. It is alive: else no rule was asked."""
    return Message(
        **{
            name: event[name]
            for name in (
                "message_id", "submission_id", "workspace_id", "lane", "stream", "recipient_type", "accepted_at",
                "pass",
            )
        },
        recipient=f"somebody@{inputs['recipient_domain']}",
        sender=f"somebody@{inputs['sender_domain']}",
        scheduled_at=event.get("scheduled_at"),
        content_id="",
        size=inputs["size"],
        tags=inputs.get("tags", []),
        expires_at=at + ALIVE,
        attempt=inputs["attempt"],
        versions=Versions(workspace=0, domain=0),
        seen=Seen(accepted=event["accepted_at"]),
        last=LastAttempt.model_validate(inputs["last"]) if "last" in inputs else None,
        reroute=Reroute.model_validate(inputs["reroute"]) if "reroute" in inputs else None,
    )  # fmt: skip


def _health(inputs: Mapping[str, Any], workspace_id: str, destination: Destination | None) -> Health:
    """What was known of the transports that were considered. Of others nothing is: they count as well."""
    towards: dict[tuple[str, str], Standing] = {}
    altogether: dict[str, Standing] = {}
    for id_, told in inputs.get("health", {}).items():
        standing = Standing(State(told["state"]), float(told["score"]), told.get("why"))
        if "altogether" not in told:
            altogether[id_] = standing
            continue
        state = State(told["altogether"])
        altogether[id_] = UNTROUBLED if state is State.CLOSED else Standing(state)
        towards[id_, f"smarthost:{id_}"] = standing
        if destination is not None:
            towards[id_, destination.rollup] = standing
    senders = {}
    if "reputation" in inputs:
        senders[workspace_id, str(inputs["sender_domain"])] = Reputation(inputs["reputation"])
    return Health(towards, altogether, senders)
