"""Kafka in: cleared messages. Each becomes this service's own, durably, before its offset commits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sender.arrivals import Arrival, Held, base_fields, settled_fields, to_send
from services.sender.claiming import Claiming
from services.sender.destinations.name import Destination
from services.sender.destinations.placing import Placing
from services.sender.destinations.ways import Ways
from services.sender.dispatch import Dispatcher
from services.sender.endings import Endings
from services.sender.queue.active import ActiveHolds
from services.sender.rules import Settled, bounced_by_order, held_back, settle_arrival
from services.sender.settings import Settings
from services.sender.slots import Slots
from services.sender.store.changes import Changes
from services.sender.store.deliveries import Deliveries
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, Lane
from shared.erasure import person_hmac
from shared.failpoints import reach
from shared.kafka.batch import Incoming
from shared.kafka.publish import REPEATED, Outgoing, Publisher
from shared.mongo.clock import DatabaseClock
from shared.telemetry import metrics
from shared.telemetry.failures import trace_failure
from shared.telemetry.tracing import Tracing, trace_headers

# How long a batch waits for room at most, destinations that come after it included.
PATIENCE_SECONDS = 1.0

Queues = dict[tuple[Lane, str, str], list[Incoming[Message]]]
"""What is to be sent, by lane, destination and workspace."""


class Intake:
    """Takes ownership of cleared messages: durable in `deliveries` before their offset commits."""

    def __init__(
        self,
        settings: Settings,
        deliveries: Deliveries,
        changes: Changes,
        slots: Slots,
        ways: Ways,
        placing: Placing,
        dispatcher: Dispatcher,
        claiming: Claiming,
        endings: Endings,
        publisher: Publisher,
        clock: DatabaseClock,
        holds: ActiveHolds,
        tracing: Tracing,
    ) -> None:
        self._tracing = tracing
        self._settings = settings
        self._holds = holds
        self._deliveries = deliveries
        self._changes = changes
        self._slots = slots
        self._ways = ways
        self._placing = placing
        self._dispatcher = dispatcher
        self._claiming = claiming
        self._endings = endings
        self._publisher = publisher
        self._clock = clock
        self._kept = timedelta(days=settings.tombstone_days)

    async def cleared(self, batch: list[Incoming[Message]]) -> None:
        """Takes the batch: what ended by its verdict is said, and the rest begins as slots and fair order allow.

        Where a host is quick, room for the rest comes before its insertion as waiting and a claim would be written.
        """
        # of a message that is there twice, the newest pass is the one that may be taken
        newest = {one.record.message_id: one for one in sorted(batch, key=lambda one: one.record.pass_)}
        now = await self._clock.current()
        await self._holds.fresh()
        decided: dict[str, Destination | Settled | None] = {
            id_: self._settle(incoming.record, now) for id_, incoming in newest.items()
        }
        decided |= await self._placing.of([newest[id_].record for id_, each in decided.items() if each is None], now)
        arrivals = [Arrival(newest[id_], now, each) for id_, each in decided.items() if isinstance(each, Settled)]
        queues = _queues({id_: each for id_, each in decided.items() if isinstance(each, Destination)}, newest)
        await self._make_room(queues)
        patient_until = time.monotonic() + PATIENCE_SECONDS
        while arrivals or queues:
            asked, now = time.monotonic(), await self._clock.current()
            arrivals += self._admit(queues, now, patient=asked < patient_until)
            if arrivals:
                await self._take(arrivals, asked)
                arrivals = []
            else:
                await self._dispatcher.next_end()

    def _settle(self, message: Message, now: datetime) -> Settled | None:
        """What the message comes to by its verdict or by a hold that it is under; None where it is to be sent."""
        settled, hold = settle_arrival(message, now), self._holds.of(message)
        if hold is None or (settled is not None and settled.state == "ended"):
            return settled
        if hold.ends:
            return bounced_by_order(message, hold, now)
        return settled or held_back(message, hold, now)

    def _admit(self, queues: Queues, now: datetime, *, patient: bool) -> list[Arrival]:
        """Takes off the queues what begins, and what waits in the database because no room will come in a moment."""
        admitted: list[Arrival] = []
        begun: Counter[tuple[Lane, str]] = Counter()
        for key, queue in list(queues.items()):
            lane, destination, workspace_id = key
            room = 0
            if not self._claiming.is_behind(destination, lane):
                free = self._dispatcher.room.of(destination, lane) - begun[lane, destination]
                room = max(0, min(free, self._dispatcher.room.to_claim(destination, lane, workspace_id)))
            admitted += [Arrival(incoming, now, None, destination, begins=True) for incoming in queue[:room]]
            begun[lane, destination] += min(room, len(queue))
            if patient and self._dispatcher.is_quick(destination):
                queues[key] = queue[room:]
            else:
                admitted += [Arrival(incoming, now, None, destination) for incoming in queue[room:]]
                queues[key] = []
            if not queues[key]:
                del queues[key]
        return admitted

    async def _take(self, arrivals: Sequence[Arrival], asked: float) -> None:
        """Makes the arrivals durable, and then does what they came to."""
        incoming = {arrival.incoming.record.message_id: arrival.incoming for arrival in arrivals}
        documents = [self._document(arrival) for arrival in arrivals]
        new = await self._deliveries.insert(documents)
        reach("sender.inserted", sum(new))
        known = [document for document, is_new in zip(documents, new, strict=True) if not is_new]
        again = await self._deliveries.take_again(known) if known else {}
        stale = {document["_id"] for document in known} - again.keys()
        taken = [document | again.get(document["_id"], {}) for document in documents if document["_id"] not in stale]
        open_ = [document for document in taken if document["state"] in ("waiting", "leased")]
        flagged = (
            await self._changes.flag_arrivals({each["_id"]: each["address"] for each in open_}) if open_ else set()
        )
        leased = [_held(incoming[each["_id"]], each) for each in open_ if each["state"] == "leased"]
        await self._deliveries.give_back({held.id: held.token for held in leased if held.id in flagged})
        await self._dispatcher.take([held for held in leased if held.id not in flagged], asked)
        metrics.TAKEN.labels("arrival").inc(len(leased) - len(flagged))
        self._claiming.left_behind(
            {(Lane(each["lane"]), each["destination"]) for each in open_ if each["state"] == "waiting"}
        )
        # last: what is to be delivered does not wait for Kafka
        await self._endings.outbox.publish(taken)
        await self._say_again(list(stale))
        _count(taken, incoming)

    def _document(self, arrival: Arrival) -> dict[str, Any]:
        message, now = arrival.incoming.record, arrival.at
        fields = base_fields(arrival.incoming, person_hmac(self._settings.pepper_bytes, message.recipient), now)
        if arrival.settled is None:
            until = now + timedelta(seconds=self._settings.lease_seconds)
            return fields | to_send(arrival, until if arrival.begins else None)
        fields |= settled_fields(arrival.settled, self._kept, now)
        if (event := arrival.settled.event) is not None:
            trace = trace_failure(self._tracing, message, event.type, arrival.incoming.trace)
            fields |= {"trace": trace} if trace else {}
        if arrival.settled.due_at is None:
            for name in ("record", "domain", "sending_domain", "stream"):
                del fields[name]
        return fields

    async def _make_room(self, queues: Queues) -> None:
        """Asks for the slots that a batch could use, all destinations in one call."""
        wanted: Counter[str] = Counter()
        for (_, destination, _), queue in queues.items():
            wanted[destination] += len(queue)
        limits = await self._ways.limits(list(wanted))
        await self._slots.ensure({each: (many, limits[each]) for each, many in wanted.items()})

    async def _say_again(self, ids: Sequence[str]) -> None:
        """A record that was taken before: what was last said of its message is said again, and nothing is done."""
        if not ids:
            return
        said = await self._deliveries.last_events(ids)
        await self._publisher.publish(
            [
                Outgoing(EVENTS, each["_id"], each["last_event"], {**trace_headers(each.get("trace")), REPEATED: "1"})
                for each in said
            ]
        )


def _queues(placed: Mapping[str, Destination], batch: Mapping[str, Incoming[Message]]) -> Queues:
    queues: Queues = {}
    for id_, destination in placed.items():
        message = batch[id_].record
        queues.setdefault((message.lane, str(destination), message.workspace_id), []).append(batch[id_])
    return queues


def _held(incoming: Incoming[Message], document: Mapping[str, Any]) -> Held:
    message = incoming.record
    return Held(
        message, document["lease"]["token"], document["destination"], document["attempt"], document["ambiguous"],
        incoming.trace, refused=document.get("refused", 0),
    )  # fmt: skip


def _count(taken: Sequence[Mapping[str, Any]], arrivals: Mapping[str, Incoming[Message]]) -> None:
    now = datetime.now(UTC)
    for document in taken:
        incoming = arrivals[document["_id"]]
        lane, seen = document["lane"], incoming.record.seen
        metrics.count(metrics.STAGE_PROCESSED, stage="sender", lane=lane)
        seconds = (now - (seen.released or seen.accepted)).total_seconds()
        metrics.observe(metrics.STAGE_SECONDS, seconds, incoming.trace, stage="sender", lane=lane)
