"""Kafka in: cleared messages, suppression changes, commands. Decode → decide → act."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import UpdateOne

from services.sender.arrivals import Held, base_fields, settled_fields, to_send
from services.sender.claiming import Claiming
from services.sender.dispatch import Dispatcher
from services.sender.endings import ENDED, Endings
from services.sender.rules import destination_of, settle_arrival, settle_command
from services.sender.settings import Settings
from services.sender.slots import Slots
from services.sender.store.changes import Changes
from services.sender.store.deliveries import Deliveries
from services.sender.supplies import Supplies
from shared.contracts.commands import Command
from shared.contracts.messages import Message
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import EVENTS, Lane
from shared.kafka.batch import Incoming
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo.clock import DatabaseClock
from shared.secrets import address_hmac
from shared.telemetry import metrics
from shared.telemetry.tracing import trace_headers


class Intake:
    """Takes ownership of cleared messages: durable in `deliveries` before their offset commits."""

    def __init__(
        self,
        settings: Settings,
        deliveries: Deliveries,
        changes: Changes,
        slots: Slots,
        supplies: Supplies,
        dispatcher: Dispatcher,
        claiming: Claiming,
        endings: Endings,
        publisher: Publisher,
        clock: DatabaseClock,
    ) -> None:
        self._settings = settings
        self._deliveries = deliveries
        self._changes = changes
        self._slots = slots
        self._supplies = supplies
        self._dispatcher = dispatcher
        self._claiming = claiming
        self._endings = endings
        self._publisher = publisher
        self._clock = clock
        self._kept = timedelta(days=settings.tombstone_days)

    async def cleared(self, batch: list[Incoming[Message]]) -> None:
        """Inserts the batch, says what ended by its verdict, and begins what slots and fair order allow."""
        # of a message that is there twice, the newest pass is the one that may be taken
        arrivals = {one.record.message_id: one for one in sorted(batch, key=lambda one: one.record.pass_)}
        documents = await self._documents(list(arrivals.values()))
        new = await self._deliveries.insert(documents)
        known = [document for document, is_new in zip(documents, new, strict=True) if not is_new]
        again = await self._deliveries.take_again(known) if known else {}
        stale = {document["_id"] for document in known} - again.keys()
        taken = [document | again.get(document["_id"], {}) for document in documents if document["_id"] not in stale]
        open_ = [document for document in taken if document["state"] in ("waiting", "leased")]
        flagged = (
            await self._changes.flag_arrivals({each["_id"]: each["address"] for each in open_}) if open_ else set()
        )
        leased = [_held(arrivals[each["_id"]], each) for each in open_ if each["state"] == "leased"]
        await self._deliveries.give_back({held.id: held.token for held in leased if held.id in flagged})
        await self._dispatcher.take([held for held in leased if held.id not in flagged])
        self._claiming.left_behind(
            {(Lane(each["lane"]), each["destination"]) for each in open_ if each["state"] == "waiting"}
        )
        # last: what is to be delivered does not wait for Kafka
        await self._endings.outbox.publish(taken)
        await self._say_again(list(stale))
        _count(taken, arrivals)

    async def _documents(self, batch: Sequence[Incoming[Message]]) -> list[dict[str, Any]]:
        """Each arrival's document, settled by its verdict, claimed, or waiting."""
        now = await self._clock.current()
        settled = [settle_arrival(incoming.record, now) for incoming in batch]
        to_deliver = [incoming.record for incoming, each in zip(batch, settled, strict=True) if each is None]
        await self._make_room(to_deliver)
        until = now + timedelta(seconds=self._settings.lease_seconds)
        claimed: Counter[str] = Counter()
        documents = []
        for incoming, each in zip(batch, settled, strict=True):
            message = incoming.record
            fields = base_fields(incoming, address_hmac(self._settings.pepper_bytes, message.recipient), now)
            if each is not None:
                fields |= settled_fields(each, self._kept, now)
                if each.due_at is None:
                    del fields["record"], fields["address"]
            else:
                destination = destination_of(message)
                free = self._dispatcher.room(destination, message.lane) - claimed[destination]
                may_begin = free > 0 and not self._claiming.is_behind(destination, message.lane)
                claimed[destination] += may_begin
                fields |= to_send(message, now, until if may_begin else None)
            documents.append(fields)
        return documents

    async def _make_room(self, messages: Sequence[Message]) -> None:
        """Asks for the slots that a batch could use, all destinations in one call."""
        wanted = Counter(destination_of(message) for message in messages)
        limits = await self._supplies.limits(list(wanted))
        await self._slots.ensure({each: (many, limits[each]) for each, many in wanted.items()})

    async def _say_again(self, ids: Sequence[str]) -> None:
        """A record that was taken before: what was last said of its message is said again, and nothing is done."""
        if not ids:
            return
        said = await self._deliveries.last_events(ids)
        await self._publisher.publish(
            [Outgoing(EVENTS, each["_id"], each["last_event"], trace_headers(each.get("trace"))) for each in said]
        )


class ChangesHandler:
    """Suppression changes: stored, and waiting deliveries of the address flagged."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def handle(self, batch: list[Incoming[SuppressionChange]]) -> None:
        await self._changes.store([incoming.record for incoming in batch])


class CommandsHandler:
    """Commands: end what nobody is delivering, and leave a tombstone for what has not arrived."""

    def __init__(self, deliveries: Deliveries, endings: Endings, kept: timedelta) -> None:
        self._deliveries = deliveries
        self._endings = endings
        self._kept = kept

    async def handle(self, batch: list[Incoming[Command]]) -> None:
        now = datetime.now(UTC)
        commands = {incoming.record.message.message_id: incoming for incoming in batch}
        documents = [self._tombstone(incoming, now) for incoming in commands.values()]
        new = await self._deliveries.insert(documents)
        ended = [document for document, is_new in zip(documents, new, strict=True) if is_new]
        known = {each["_id"]: each for each, is_new in zip(documents, new, strict=True) if not is_new}
        idle = await self._deliveries.idle(list(known)) if known else {}
        if idle:
            await self._deliveries.write([_end(known[id_], found) for id_, found in idle.items()])
            written = await self._deliveries.written({known[id_]["written"]: id_ for id_ in idle})
            ended += [known[id_] for id_ in idle if known[id_]["written"] in written]
        await self._endings.outbox.publish(ended)

    def _tombstone(self, incoming: Incoming[Command], now: datetime) -> dict[str, Any]:
        message = incoming.record.message
        settled = settle_command(incoming.record, now)
        return {
            "_id": message.message_id,
            "workspace_id": message.workspace_id,
            "lane": str(message.lane),
            "pass": message.pass_,
            "attempt": message.attempt,
            "ambiguous": 0,
            "written": incoming.record.command_id,
            **settled_fields(settled, self._kept, now),
        }


def _end(tombstone: Mapping[str, Any], found: Mapping[str, Any]) -> UpdateOne:
    condition = {"_id": found["_id"], "state": found["state"], "pass": found["pass"]}
    fields = {name: tombstone[name] for name in tombstone if name not in ("_id", "pass", "attempt", "ambiguous")}
    gone = dict.fromkeys((*ENDED, "lease"), "")
    return UpdateOne(condition, {"$set": fields, "$unset": gone})


def _held(incoming: Incoming[Message], document: Mapping[str, Any]) -> Held:
    message = incoming.record
    return Held(
        message, document["lease"]["token"], document["destination"], document["attempt"], document["ambiguous"],
        incoming.trace,
    )  # fmt: skip


def _count(taken: Sequence[Mapping[str, Any]], arrivals: Mapping[str, Incoming[Message]]) -> None:
    now = datetime.now(UTC)
    for document in taken:
        incoming = arrivals[document["_id"]]
        lane, seen = document["lane"], incoming.record.seen
        metrics.STAGE_PROCESSED.labels("sender", lane).inc()
        seconds = (now - (seen.released or seen.accepted)).total_seconds()
        metrics.observe(metrics.STAGE_SECONDS, seconds, incoming.trace, stage="sender", lane=lane)
