"""The sender's part in erasures: what waits for the person is canceled, and of what has ended only codes stay."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.sender.handlers import CommandsHandler
from services.sender.store.deliveries import Deliveries
from services.sender.store.erasing import Persons
from shared.content import ContentStore
from shared.contracts.commands import Command, CommandType
from shared.contracts.events import EVENT_NAMESPACE, Event, EventType
from shared.contracts.messages import Message
from shared.erasing import Counts, StillWaitingError
from shared.erasure import REASON, redacted_event, redacted_message
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

    async def erase(self, erasure: Erasure) -> Counts:
        """A delivery that somebody holds ends first: it is past its final dot, or its next one is refused."""
        counts = {"deliveries": 0, "canceled": 0, "returns": 0}
        waiting, after = 0, ""
        while batch := await self._persons.batch(erasure, after):
            after = batch[-1]["_id"]
            living = [each for each in batch if each["state"] != "ended"]
            counts["canceled"] += await self._cancel(living, erasure)
            counts["returns"] += await self._redact_returns(batch, erasure)
            ended = [each for each in batch if each["state"] == "ended" and not each.get("erased")]
            await self._persons.redact(ended, lambda said: _redacted(said, erasure))
            counts["deliveries"] += len(batch)
            waiting += len(living)
        if waiting:
            raise StillWaitingError(counts)
        return counts

    async def _cancel(self, living: Documents, erasure: Erasure) -> int:
        """Ends what nobody holds; the rest ends when its holder lets go. Returns how many were asked to."""
        asked = [each for each in living if "record" in each and "commanded" not in each]
        if asked:
            await self._deliveries.command({each["_id"]: _cancellation(each, erasure) for each in asked})
        if living:
            await self._commands.end_commanded([each["_id"] for each in living])
        return len(asked)

    async def _redact_returns(self, batch: Documents, erasure: Erasure) -> int:
        """Redacts what came back of the person's messages; what replies said is deleted."""
        found = await self._persons.returns([each["_id"] for each in batch])
        events = {each["_id"]: Event.decode(each["event"]) for each in found}
        await self._contents.delete([id_ for id_, each in events.items() if each.type is EventType.REPLIED])
        redacted = {id_: redacted_event(event, erasure.address_hmac).encode() for id_, event in events.items()}
        await self._persons.redact_returns(redacted)
        return len(found)


def _redacted(said: bytes, erasure: Erasure) -> bytes:
    return redacted_event(Event.decode(said), erasure.address_hmac).encode()


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
