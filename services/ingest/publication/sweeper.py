"""The sweeper: whatever was lost after its publication is published again, until every message has ended."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.ingest.disposal import Disposal
from services.ingest.publication.tenure import HeldTenure
from services.ingest.rules import Sweep, sweep_of, wait_before
from services.ingest.settings import Settings
from services.ingest.store.messages import Messages
from services.ingest.store.relay import Relayed
from shared.contracts.commands import Command, CommandType
from shared.contracts.events import EVENT_NAMESPACE
from shared.contracts.messages import Message
from shared.contracts.record import MAX_RECORD_BYTES
from shared.contracts.topics import COMMANDS
from shared.kafka.publish import Outgoing, Publisher
from shared.telemetry import metrics
from shared.telemetry.tracing import trace_headers

BATCH = 100


class Sweeper:
    """Compares published submissions with the read model when their `sweep_at` has come."""

    def __init__(
        self,
        submissions: Relayed,
        messages: Messages,
        disposal: Disposal,
        publisher: Publisher,
        tenure: HeldTenure,
        settings: Settings,
    ) -> None:
        self.tenure = tenure
        self._submissions = submissions
        self._messages = messages
        self._disposal = disposal
        self._publisher = publisher
        self._settings = settings

    async def turn(self) -> bool:
        """Settles one batch of due submissions; True where there were any."""
        now = datetime.now(UTC)
        due = await self._submissions.due(now, BATCH)
        if not due:
            return False
        heads = await self._messages.heads([message["id"] for document in due for message in document["messages"]])
        sweeps = [(document, self._decide(document, heads, now)) for document in due]
        await self._expire([(document, sweep) for document, sweep in sweeps if sweep.expired])
        await self._disposal.settle([document["_id"] for document, sweep in sweeps if sweep.closes])
        await self._submissions.settle(sweeps)
        for document, sweep in sweeps:
            metrics.SWEPT.labels(document["lane"]).inc(len(sweep.again))
        return True

    def _decide(self, document: Mapping[str, Any], heads: Mapping[str, Mapping[str, Any]], now: datetime) -> Sweep:
        first, longest = self._settings.sweep_first_seconds, self._settings.sweep_longest_seconds
        wait = wait_before(document["sweeps"] + 1, first, longest)
        ids = [message["id"] for message in document["messages"]]
        return sweep_of(ids, heads, document["expires_at"], now, wait)

    async def _expire(self, sweeps: Sequence[tuple[Mapping[str, Any], Sweep]]) -> None:
        """Asks for the end of stuck messages whose time is over; the same command however often it is sent."""
        if not sweeps:
            return
        expired = [id_ for _, sweep in sweeps for id_ in sweep.expired]
        records = await self._submissions.records(expired, [document["_id"] for document, _ in sweeps])
        await self._publisher.publish([_expire_command(record) for record in records.values()])


def _expire_command(record: bytes) -> Outgoing:
    message = Message.decode(record)
    if len(record) > MAX_RECORD_BYTES // 2:
        message = message.with_changes(tags=[], metadata={})  # it may be stuck just for its size
    command = Command(
        command_id=str(uuid.uuid5(EVENT_NAMESPACE, f"{message.message_id}:expire")),
        type=CommandType.EXPIRE,
        occurred_at=message.expires_at,
        message=message,
    )
    return Outgoing(COMMANDS, message.message_id, command.encode(), trace_headers(message.trace))
