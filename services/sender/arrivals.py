"""An arriving message as the delivery document that takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.sender.destinations.name import Destination, route_of
from services.sender.rules import LONG_WAIT, Settled
from shared.addresses import domain_of
from shared.contracts.messages import Message
from shared.contracts.topics import Lane
from shared.kafka.batch import Incoming
from shared.mongo import outbox
from shared.mongo.due import new_token


@dataclass(slots=True)
class Held:
    """A delivery that this process has claimed: what it needs to deliver it and to say how that went.

    `began` is the monotonic time at which its attempt began, `told` whether its `sending` event was said, `marked`
    whether its final dot may have left. It is `cuttable` until that is about to be decided, or it has an outcome. Until
    `safe_until`, a monotonic time, nobody else can have taken it over. `answers_to` is the mailbox that a reply is
    meant for, where replies are tracked; `weight` is the memory that it is counted with. It has `passed_on` its slot
    where another goes on behind it on its connection.
    """

    message: Message
    token: str
    destination: str
    attempt: int
    ambiguous: int
    trace: str | None
    began: float | None = None
    told: bool = False
    marked: bool = False
    cuttable: bool = True
    safe_until: float = 0.0
    refused: int = 0
    answers_to: str | None = None
    weight: int = 0
    passed_on: bool = False

    @property
    def id(self) -> str:
        return self.message.message_id

    @property
    def lane(self) -> Lane:
        return self.message.lane

    @property
    def workspace_id(self) -> str:
        return self.message.workspace_id

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Held:
        """From a claimed document."""
        return cls(
            Message.decode(document["record"]),
            document["lease"]["token"],
            document["destination"],
            document["attempt"],
            document["ambiguous"],
            document.get("trace"),
            refused=document.get("refused", 0),
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it was found `at` this moment: `settled` where nothing is to be sent now, else its `destination`,
    and whether it `begins` or waits for its turn."""

    incoming: Incoming[Message]
    at: datetime
    settled: Settled | None
    destination: str = ""
    begins: bool = False


def base_fields(incoming: Incoming[Message], address: str, now: datetime) -> dict[str, Any]:
    """What every arrival's document holds."""
    message = incoming.record
    fields: dict[str, Any] = {
        "_id": message.message_id,
        "workspace_id": message.workspace_id,
        "lane": str(message.lane),
        "pass": message.pass_,
        "attempt": message.attempt,
        "ambiguous": 0,
        "refused": 0,
        "address": address,
        "domain": domain_of(message.recipient),
        "sending_domain": domain_of(message.sender).lower(),
        "stream": str(message.stream),
        "destination": str(Destination(*route_of(message))) if message.route else "",
        "arrived_at": now,
        "record": incoming.raw.value,
    }
    if message.verdict is not None:
        fields["checked_at"] = message.verdict.checked_at
    if incoming.trace:
        fields["trace"] = incoming.trace
    return fields


def to_send(arrival: Arrival, lease_until: datetime | None) -> dict[str, Any]:
    """The fields of an arrival that is to be sent: claimed by its insertion where `lease_until` is given."""
    fields = {"destination": arrival.destination, "expires_at": arrival.incoming.record.expires_at}
    if lease_until is None:
        return fields | {"state": "waiting", "tell_at": arrival.at + LONG_WAIT}
    return fields | {"state": "leased", "lease": {"token": new_token(), "until": lease_until}}


def settled_fields(settled: Settled, kept: timedelta, now: datetime) -> dict[str, Any]:
    """The fields that say how a delivery stands, its unpublished event among them."""
    fields: dict[str, Any] = {"state": settled.state}
    if settled.due_at is not None:
        fields["due_at"] = settled.due_at
        fields |= {name: value for name, value in (("hold", settled.hold), ("why", settled.why)) if value is not None}
    else:
        fields["purge_at"] = now + kept
    if settled.event is not None:
        fields["last_event"] = settled.event.encode()
        fields["last_type"] = str(settled.event.type)
        fields["unpublished"] = outbox.unpublished(now)
    if settled.last is not None and settled.due_at is not None:
        fields["last"] = settled.last.model_dump(exclude_none=True)
    return fields
