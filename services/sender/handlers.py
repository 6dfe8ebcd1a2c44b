"""Kafka in: suppression changes and commands. Decode → decide → act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import UpdateOne

from services.sender.arrivals import settled_fields
from services.sender.endings import ENDED, Endings
from services.sender.rules import settle_command
from services.sender.store.changes import Changes
from services.sender.store.deliveries import Deliveries
from shared.contracts.commands import Asked, Command
from shared.contracts.suppressions import SuppressionChange
from shared.erasure import person_hmac
from shared.kafka.batch import Incoming
from shared.mongo.erasures import KnownErasures


class ChangesHandler:
    """Suppression changes: stored, and waiting deliveries of the address flagged."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def handle(self, batch: list[Incoming[SuppressionChange]]) -> None:
        await self._changes.store([incoming.record for incoming in batch])


class CommandsHandler:
    """Commands: end what nobody is delivering, and leave a tombstone for what has not arrived.

    What is being delivered carries its command: its final dot is not sent any more where it has not left yet, and the
    delivery ends once nobody holds it, unless its attempt has ended it.
    """

    def __init__(
        self, deliveries: Deliveries, endings: Endings, kept: timedelta, known: KnownErasures, pepper: bytes
    ) -> None:
        self._deliveries = deliveries
        self._endings = endings
        self._kept = kept
        self._known = known
        self._pepper = pepper

    async def handle(self, batch: list[Incoming[Asked]]) -> None:
        """Erasures stand on the same topic, and are somebody else's to act on."""
        now = datetime.now(UTC)
        await self._known.fresh()
        asked = [self._of_the_living(one.record.command) for one in batch if one.record.command]
        if not asked:
            return
        commands = {command.message.message_id: command for command in asked}
        documents = [self._tombstone(command, now) for command in commands.values()]
        new = await self._deliveries.insert(documents)
        await self._endings.outbox.publish([each for each, is_new in zip(documents, new, strict=True) if is_new])
        known = [each["_id"] for each, is_new in zip(documents, new, strict=True) if not is_new]
        if known:
            await self._deliveries.command({id_: commands[id_].encode() for id_ in known})
            await self.end_commanded(known)

    async def end_commanded(self, ids: Sequence[str] | None = None) -> int:
        """Ends the deliveries that carry a command and that nobody holds, of these or of all; returns how many."""
        now = datetime.now(UTC)
        found = await self._deliveries.commanded(ids)
        if not found:
            return 0
        ended = {
            each["_id"]: self._fields(command := Command.decode(each["commanded"]), now, each["pass"])
            | {"_id": each["_id"], "trace": each.get("trace") or command.message.trace}
            for each in found
        }
        await self._deliveries.write([_end(ended[each["_id"]], each) for each in found])
        written = await self._deliveries.written({fields["written"]: id_ for id_, fields in ended.items()})
        await self._endings.outbox.publish([fields for fields in ended.values() if fields["written"] in written])
        return len(written)

    def _tombstone(self, command: Command, now: datetime) -> dict[str, Any]:
        message = command.message
        return {
            "_id": message.message_id,
            "workspace_id": message.workspace_id,
            "lane": str(message.lane),
            "pass": message.pass_,
            "attempt": message.attempt,
            "ambiguous": 0,
            "address": person_hmac(self._pepper, message.recipient),
            **self._fields(command, now, message.pass_),
        }

    def _of_the_living(self, command: Command) -> Command:
        """The command without the person that its message was for, where that one was erased."""
        return command.with_changes(message=self._known.message(command.message))

    def _fields(self, command: Command, now: datetime, pass_: int) -> dict[str, Any]:
        settled = settle_command(command, now, pass_)
        return {"written": command.command_id, **settled_fields(settled, self._kept, now)}


def _end(fields: Mapping[str, Any], found: Mapping[str, Any]) -> UpdateOne:
    condition = {"_id": found["_id"], "state": found["state"], "pass": found["pass"]}
    changes = {name: value for name, value in fields.items() if name not in ("_id", "trace")}
    return UpdateOne(condition, {"$set": changes, "$unset": dict.fromkeys((*ENDED, "lease"), "")})
