"""Kafka in: suppression changes and commands. Decode → decide → act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import UpdateOne

from services.sender.arrivals import settled_fields
from services.sender.endings import ENDED, Endings
from services.sender.rules import settle_command
from services.sender.store.changes import Changes
from services.sender.store.deliveries import Deliveries
from shared.contracts.commands import Command
from shared.contracts.suppressions import SuppressionChange
from shared.kafka.batch import Incoming


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
