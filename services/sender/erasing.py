"""The sender's part in erasures: what waits for the person is canceled, and of what has ended only codes stay."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.sender.handlers import CommandsHandler
from services.sender.store.deliveries import Deliveries
from services.sender.store.erasing import CANCELED, Persons
from shared.content import ContentStore
from shared.contracts.commands import Command, CommandType
from shared.contracts.events import EVENT_NAMESPACE, Event, EventType
from shared.contracts.messages import Message
from shared.erasing import Counts, Note, StillWaitingError, part_done
from shared.erasure import REASON, redacted_event, redacted_message, replaced
from shared.mongo.erasures import Erasure
from shared.service import Base

Documents = Sequence[Mapping[str, Any]]


class DeliveryErasing:
    """One pass goes through all deliveries of the person that are older than the erasure, in batches."""

    def __init__(self, base: Base, commands: CommandsHandler) -> None:
        self._persons = Persons(base.database)
        self._deliveries = Deliveries(base.database)
        self._contents = ContentStore(base.content_database)
        self._commands = commands

    async def erase(self, erasure: Erasure, note: Note) -> Counts:
        """A delivery that somebody holds ends first: it is past its final dot, or its next one is refused."""
        counts = {"deliveries": 0, "canceled": 0, "returns": 0}
        await self._persons.reword(erasure, lambda reason: replaced(reason, erasure.address, erasure.address_hmac))
        part_done()
        waiting, after = 0, ""
        while batch := await self._persons.batch(erasure, after):
            after = batch[-1]["_id"]
            living = [each for each in batch if each["state"] != "ended"]
            await self._cancel(living, erasure)
            counts["returns"] += await self._redact_returns(batch, erasure)
            part_done()
            ended = [each for each in batch if each["state"] == "ended" and not each.get("erased")]
            changes = {each["_id"]: _redacted(each, erasure) for each in ended}
            await self._persons.redact(ended, changes)
            counts["canceled"] += sum({**each, **changes.get(each["_id"], {})}.get(CANCELED, False) for each in batch)
            counts["deliveries"] += len(batch)
            part_done()
            waiting += len(living)
        if waiting:
            raise StillWaitingError(counts)
        return counts

    async def _cancel(self, living: Documents, erasure: Erasure) -> None:
        """Ends what nobody holds; the rest ends when its holder lets go."""
        asked = [each for each in living if "record" in each and "commanded" not in each]
        if asked:
            await self._deliveries.command({each["_id"]: _cancellation(each, erasure) for each in asked})
        if living:
            await self._commands.end_commanded([each["_id"] for each in living])

    async def _redact_returns(self, batch: Documents, erasure: Erasure) -> int:
        """Redacts what came back of the person's messages; what replies said is deleted. Returns how much came."""
        found = await self._persons.returns([each["_id"] for each in batch])
        events = {each["_id"]: Event.decode(each["event"]) for each in found if "event" in each}
        await self._contents.delete([id_ for id_, each in events.items() if each.type is EventType.REPLIED])
        redacted = {id_: redacted_event(event, erasure.address_hmac).encode() for id_, event in events.items()}
        await self._persons.redact_returns(redacted)
        return len(found)


def _redacted(document: Mapping[str, Any], erasure: Erasure) -> dict[str, Any]:
    """What changes in an ended delivery."""
    if "last_event" not in document:
        return {"erased": True}
    event = Event.decode(document["last_event"])
    canceled = event.type is EventType.CANCELED and event.data.get("reason") == REASON
    said = redacted_event(event, erasure.address_hmac).encode()
    return {"erased": True, "last_event": said, **({CANCELED: True} if canceled else {})}


def _cancellation(document: Mapping[str, Any], erasure: Erasure) -> bytes:
    message = redacted_message(Message.decode(document["record"]), erasure.address_hmac, datetime.now(UTC))
    command = Command(
        command_id=str(uuid.uuid5(EVENT_NAMESPACE, f"{message.message_id}:{REASON}")),
        type=CommandType.CANCEL,
        occurred_at=erasure.occurred_at,
        message=message,
        text=REASON,
    )
    return command.encode()
