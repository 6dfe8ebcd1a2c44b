"""Which endpoint gets which event, and the job that comes of it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.webhooks.event_types import ON_REQUEST, webhook_body, webhook_type
from shared.contracts.events import Event
from shared.erasure import person_hmac
from shared.mongo.entities import Entity
from shared.tokens import BASE62


@dataclass(frozen=True, slots=True)
class Subscription:
    """What matching needs of an endpoint: what it asks for, and since when. `types` empty means every type but those
    given on request only."""

    endpoint_id: str
    types: frozenset[str]
    since: datetime

    def wants(self, type_: str, occurred_at: datetime) -> bool:
        """True where the endpoint was active when the event occurred, and asks for its type."""
        if self.since > occurred_at:
            return False
        return type_ in self.types if self.types else type_ not in ON_REQUEST


def subscription_of(entity: Entity) -> Subscription:
    """The subscription of an enabled endpoint: since it was made, or was enabled last."""
    since = entity.data.get("enabled_since") or entity.data["created_at"]
    return Subscription(entity.id, frozenset(entity.data["events"]), datetime.fromisoformat(since))


@dataclass(frozen=True, slots=True)
class Job:
    """One event for one endpoint; `id` is the `webhook-id` that it is posted under.

    `attempt` counts the attempts made, `earlier` those of them that a retry by hand or a replay has put behind: the
    schedule of retries begins anew after them. `backfill` is the back-fill that made it, `token` the lease it is held
    under, `address_hmac` that of the recipient of the event's message. The event was at `occurred_at`, None where its
    job was made at that moment.
    """

    id: str
    workspace_id: str
    endpoint_id: str
    message_id: str
    event_id: str
    event_type: str
    body: bytes
    created_at: datetime
    due_at: datetime
    attempt: int = 0
    earlier: int = 0
    trace: str | None = None
    backfill: str | None = None
    token: str | None = None
    address_hmac: str = ""
    occurred_at: datetime | None = None

    def with_token(self, token: str) -> Job:
        return replace(self, token=token)


def jobs_of(
    event: Event, subscriptions: Sequence[Subscription], trace: str | None, now: datetime, pepper: bytes
) -> list[Job]:
    """The jobs that an event makes, the same each time; `trace` is the traceparent that the posts go under, `pepper`
    the key of the address's HMAC."""
    type_ = webhook_type(event)
    if type_ is None:
        return []
    wanting = [each.endpoint_id for each in subscriptions if each.wants(type_, event.occurred_at)]
    if not wanting:
        return []
    body, address_hmac = webhook_body(event, type_), person_hmac(pepper, event.recipient)
    return [
        Job(
            id=webhook_id(event.event_id, endpoint_id),
            workspace_id=event.workspace_id,
            endpoint_id=endpoint_id,
            message_id=event.message_id,
            event_id=event.event_id,
            event_type=type_,
            address_hmac=address_hmac,
            body=body,
            created_at=now,
            due_at=now,
            trace=trace,
            occurred_at=event.occurred_at,
        )
        for endpoint_id in wanting
    ]


def webhook_id(event_id: str, endpoint_id: str) -> str:
    """`msg_` and 27 letters and digits: the same on every attempt, other for every endpoint, without a full stop."""
    number = int.from_bytes(hashlib.sha256(f"{event_id}:{endpoint_id}".encode()).digest()[:20], "big")
    digits = []
    for _ in range(27):
        number, rest = divmod(number, 62)
        digits.append(BASE62[rest])
    return "msg_" + "".join(reversed(digits))


def fair_order(due: Mapping[str, Sequence[str]], room: Mapping[str, int], free: int) -> list[str]:
    """Picks from the due job ids of each endpoint in turn, at most its `room`, `free` altogether."""
    queues = [list(ids[: room.get(endpoint_id, 0)]) for endpoint_id, ids in due.items()]
    chosen: list[str] = []
    place = 0
    while len(chosen) < free and (queues := [queue for queue in queues if place < len(queue)]):
        chosen += [queue[place] for queue in queues[: free - len(chosen)]]
        place += 1
    return chosen


def by_workspace(entities: Iterable[Entity]) -> dict[str | None, list[Subscription]]:
    """The subscriptions of enabled endpoints."""
    grouped: dict[str | None, list[Subscription]] = {}
    for entity in entities:
        if entity.data["enabled"]:
            grouped.setdefault(entity.workspace_id, []).append(subscription_of(entity))
    return grouped


def shown_url(url: str) -> str:
    """An endpoint's URL without its query, which may hold a token."""
    return url.partition("?")[0]
