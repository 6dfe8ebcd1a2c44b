"""Publishing in batches: everything is sent at once and every acknowledgement is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka.errors import MessageSizeTooLargeError, RecordTooLargeError
from faststream.kafka import KafkaBroker

from shared.contracts.record import MAX_RECORD_BYTES
from shared.settings import SharedSettings

DEADLINE_SECONDS = 30.0
REFUSALS = (MessageSizeTooLargeError, RecordTooLargeError)


class PublishUnknownError(Exception):
    """Not every acknowledgement came in time: the records may or may not be there. Publish them again."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to publish; `topic` is without the deployment's prefix."""

    topic: str
    key: str
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


class Publisher:
    """Publishes through one broker. Idempotence in the producer never expires a batch, so the deadline is ours."""

    def __init__(self, broker: KafkaBroker, settings: SharedSettings, deadline: float = DEADLINE_SECONDS) -> None:
        self._broker = broker
        self._settings = settings
        self._deadline = deadline

    async def publish(self, records: Sequence[Outgoing]) -> list[Outgoing]:
        """Publishes the records and returns those that can never be published (too large for a record).

        Raises PublishUnknownError where an acknowledgement is missing; the caller publishes all of them again.
        """
        refused = [record for record in records if len(record.value or b"") > MAX_RECORD_BYTES]
        wanted = [record for record in records if record not in refused] if refused else records
        if not wanted:
            return refused
        try:
            async with asyncio.timeout(self._deadline):
                futures = [await self._send(record) for record in wanted]
                # `wait` leaves the futures alone when time runs out; cancelling them would upset the producer's batch
                await asyncio.wait(futures)
        except Exception as error:
            raise PublishUnknownError(f"{type(error).__name__}: {error}") from error
        failed: BaseException | None = None
        for record, future in zip(wanted, futures, strict=True):
            fault = future.exception()
            if isinstance(fault, REFUSALS):
                refused.append(record)
            elif fault is not None:
                failed = fault
        if failed is not None:
            raise PublishUnknownError(f"{type(failed).__name__}: {failed}") from failed
        return refused

    async def _send(self, record: Outgoing) -> asyncio.Future:
        return await self._broker.publish(
            record.value,
            self._settings.topic(record.topic),
            key=record.key.encode(),
            headers=dict(record.headers),
            correlation_id=record.key,
            no_confirm=True,
        )
