"""A message's document as a fold over its events: in any order, any number of times, by any number of owners.

An `accepted` event says nothing that every other event of the message does not say too, so that one which comes after
another changes nothing: MongoDB leaves the document unwritten.

An event becomes a `Delta` of operators that commute and repeat without harm: `$max` and `$min` for what events
disagree on, `$set` for what they all agree on. They agree on the terms but for those of the subject, which are known
as long as its submission is kept: the greatest list is the one that has them. MongoDB applies the operators; `apply`
gives the same result in Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.ingest.search.terms import terms_of_identity, terms_of_subject
from shared.contracts.events import RANKS, Event, EventType
from shared.contracts.webhooks import WebhookAttempt

Document = dict[str, Any]

STATUSES: dict[EventType, str] = {
    EventType.ACCEPTED: "pending",
    EventType.QUEUED: "queued",
    EventType.SENDING: "sending",
    EventType.STUCK: "stuck",
    EventType.AMBIGUOUS: "deferred",
    EventType.DEFERRED: "deferred",
    EventType.SUPPRESSED: "suppressed",
    EventType.FAILED: "failed",
    EventType.CANCELED: "canceled",
    EventType.RELAYED: "sent",
    EventType.DELIVERED: "delivered",
    EventType.BOUNCED: "bounced",
}
ENDED = frozenset({"suppressed", "failed", "canceled", "sent", "delivered", "bounced"})

FIRST_TIMES: dict[EventType, tuple[str, ...]] = {
    EventType.AMBIGUOUS: ("ambiguous_at",),
    EventType.RELAYED: ("sent_at",),
    EventType.DELIVERED: ("sent_at", "delivered_at"),
    **{
        type_: (f"{type_}_at",)
        for type_ in EventType
        if type_ not in RANKS
        or type_ in (EventType.SUPPRESSED, EventType.FAILED, EventType.CANCELED, EventType.BOUNCED)
    },
}
LAST_TIMES: dict[EventType, str] = {
    type_: f"{type_}_at" for type_ in (EventType.QUEUED, EventType.SENDING, EventType.STUCK, EventType.DEFERRED)
}

REPLY_FIELDS = ("stage", "code", "enhanced", "reply", "class", "hard", "host")
ROUTE_FIELDS = ("transport", "kind", "rollup", "rule")


@dataclass(slots=True)
class Delta:
    """What to do to one document: dotted paths with their values.

    A value in `largest` that is a document begins with `sequence`, `event_id` and `at`, in this order: MongoDB compares
    documents field by field, so these three decide.
    """

    facts: Document = field(default_factory=dict)
    largest: Document = field(default_factory=dict)
    smallest: Document = field(default_factory=dict)

    def add(self, other: Delta) -> None:
        """Takes over what `other` would do: one write for both."""
        self.facts.update(other.facts)
        for path, value in other.largest.items():
            if path not in self.largest or _rank(value) > _rank(self.largest[path]):
                self.largest[path] = value
        for path, value in other.smallest.items():
            if path not in self.smallest or value < self.smallest[path]:
                self.smallest[path] = value

    def operators(self) -> Document:
        """The update as MongoDB takes it."""
        named = {"$set": self.facts, "$max": self.largest, "$min": self.smallest}
        return {operator: values for operator, values in named.items() if values}

    def apply(self, document: Document) -> None:
        """Does to the document what MongoDB would do."""
        for path, value in self.facts.items():
            holder, name = _place(document, path)
            holder[name] = value
        for path, value in self.largest.items():
            holder, name = _place(document, path)
            if name not in holder or _rank(value) > _rank(holder[name]):
                holder[name] = value
        for path, value in self.smallest.items():
            holder, name = _place(document, path)
            if name not in holder or value < holder[name]:
                holder[name] = value


def delta_of(event: Event) -> Delta:
    """What one event says of its message."""
    delta = Delta(_facts_of(event))
    stamp = {"sequence": event.sequence, "event_id": event.event_id, "at": event.occurred_at}
    largest, smallest = delta.largest, delta.smallest
    if event.type is not EventType.ACCEPTED:
        largest[f"events.{event.event_id}"] = {
            **stamp,
            "type": event.type.value,
            "pass": event.pass_,
            "attempt": event.attempt,
            "trace": event.trace,
            "data": event.data,
        }
    largest["terms"] = terms_of_identity(event.recipient, event.sender, event.tags)
    largest["updated_at"] = event.occurred_at
    largest["attempts"] = event.attempt
    if event.type in RANKS:
        largest["head"] = stamp | _state_of(event)
        _add_summaries(largest, stamp, event)
    whose = "machine_" if event.data.get("machine") else ""  # an open or a click that is not a reader's
    for name in FIRST_TIMES.get(event.type, ()):
        smallest[f"times.{whose}{name}"] = event.occurred_at
    if published := event.data.get("seen", {}).get("published"):
        smallest["times.published_at"] = datetime.fromisoformat(published)
    if event.type in LAST_TIMES:
        largest[f"times.{LAST_TIMES[event.type]}"] = event.occurred_at
    return delta


def add_subject(delta: Delta, subject: str) -> None:
    """Adds the subject, which no event has, to what events say of its message."""
    delta.facts["subject"] = subject
    delta.largest["terms"] = [*terms_of_subject(subject), *delta.largest["terms"]]


def webhook_delta(attempt: WebhookAttempt) -> Delta:
    """What one posted webhook adds to its message."""
    entry = attempt.model_dump(exclude={"v", "message_id", "workspace_id"}, exclude_none=True)
    return Delta({"workspace_id": attempt.workspace_id, f"webhooks.{attempt.attempt_id}": entry})


def fold(events: Iterable[Event]) -> dict[str, Delta]:
    """One delta per message of a batch."""
    deltas: dict[str, Delta] = {}
    for event in events:
        deltas.setdefault(event.message_id, Delta()).add(delta_of(event))
    return deltas


def apply(document: Mapping[str, Any] | None, events: Iterable[Event]) -> Document:
    """The document of one message after further events of it; `document` itself is left as it is."""
    result: Document = _copy(document or {})
    for message_id, delta in fold(events).items():
        result["_id"] = message_id
        delta.apply(result)
    return result


def _facts_of(event: Event) -> Document:
    """The identity, which every event of a message carries.

    The lane is its stream's: that of an event is where a rule may have moved the message by then.
    """
    return {
        "submission_id": event.submission_id,
        "workspace_id": event.workspace_id,
        "lane": event.stream.lane.value,
        "stream": event.stream.value,
        "recipient": event.recipient,
        "recipient_key": event.recipient.lower(),
        "recipient_type": event.recipient_type,
        "sender": event.sender,
        "sender_key": event.sender.lower(),
        "tags": event.tags,
        "metadata": event.metadata,
        "accepted_at": event.accepted_at,
        "trace": event.trace,
        **({"scheduled_at": event.scheduled_at} if event.scheduled_at else {}),
        **({"resend_of": event.resend_of} if event.resend_of else {}),
        **({"contact_id": event.contact_id} if event.contact_id else {}),
    }


def _state_of(event: Event) -> Document:
    status = STATUSES[event.type]
    if event.type is EventType.ACCEPTED and event.scheduled_at and event.occurred_at < event.scheduled_at:
        status = "scheduled"
    if event.type is EventType.AMBIGUOUS and event.data.get("policy") == "fail":
        status = "failed"
    state: Document = {"type": event.type.value, "status": status}
    if next_at := event.data.get("next_at"):
        state["next_at"] = datetime.fromisoformat(next_at)
    return state


def _add_summaries(largest: Document, stamp: Document, event: Event) -> None:
    """The last reply, the last route and the last bounce, which lists show without reading the events."""
    data = event.data
    if "reply" in data or "code" in data:
        said = {name: data[name] for name in REPLY_FIELDS if name in data}
        largest["reply"] = stamp | {"attempt": event.attempt} | said
    if route := data.get("route"):
        taken = [one.get("name") for one in route.get("candidates", ()) if one["transport"] == route["transport"]]
        decided = {name: route.get(name) for name in ROUTE_FIELDS}
        largest["route"] = stamp | {"name": next(iter(taken), None)} | decided
    if event.type is EventType.BOUNCED:
        largest["bounce"] = stamp | {"class": data.get("class"), "hard": data.get("hard")}


def _rank(value: Any) -> Any:
    """What decides between two values of one path."""
    return (value["sequence"], value["event_id"], value["at"]) if isinstance(value, Mapping) else value


def _place(document: Document, path: str) -> tuple[Document, str]:
    *parents, name = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    return document, name


def _copy(document: Mapping[str, Any]) -> Document:
    """A copy whose maps can be written to without touching the original."""
    return {name: _copy(value) if isinstance(value, Mapping) else value for name, value in document.items()}
