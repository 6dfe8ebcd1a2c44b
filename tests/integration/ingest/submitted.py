"""Submissions as admission stores them, and the relay and the sweeper with their steps in the test's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka.errors import GroupCoordinatorNotAvailableError

from services.ingest.disposal import Disposal
from services.ingest.publication.lag import LagWatch
from services.ingest.publication.relay import Relay
from services.ingest.publication.sweeper import Sweeper
from services.ingest.publication.tenure import HeldTenure
from services.ingest.settings import Settings
from services.ingest.store.messages import Messages
from services.ingest.store.relay import Relayed
from shared.contracts.messages import Message, Seen
from shared.contracts.topics import LIVE, Lane, accepted
from shared.kafka.lag import LagMeter
from shared.mongo.due import Tenure
from shared.service import Base
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.unit.ingest.lives import TRACE, make_message

STANDARD = accepted(Lane.STANDARD)


def now() -> datetime:
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def submission(
    workspace_id: str = "workspace-1", messages: int = 1, record: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A submission's document with the records of its messages; `record` and `changes` change the two."""
    submission_id, at = uuid7(), now()
    made = [
        make_message(
            message_id=uuid7(),
            submission_id=submission_id,
            workspace_id=workspace_id,
            recipient=f"r{number}@example.test",
            accepted_at=at,
            expires_at=at + timedelta(hours=48),
            seen=Seen(accepted=at),
            **(record or {}),
        )
        for number in range(messages)
    ]
    document = {
        "_id": submission_id,
        "workspace_id": workspace_id,
        "lane": "standard",
        "door": "rest",
        "accepted_at": at,
        "expires_at": at + timedelta(hours=48),
        "trace": TRACE,
        "subject": "Your code",
        "messages": [_stored(message) for message in made],
        "pending": [message.message_id for message in made],
        "sweeps": 0,
    }
    return document | changes


def _stored(message: Message) -> dict[str, Any]:
    return {
        "id": message.message_id,
        "recipient": message.recipient,
        "type": message.recipient_type.value,
        "sender": message.sender,
        "record": message.encode(),
    }


def ids_of(*documents: dict[str, Any]) -> set[str]:
    return {message["id"] for document in documents for message in document["messages"]}


@dataclass
class Works:
    """The parts of the role `relay`, not running; each step is called by hand."""

    deployment: Deployment
    relay: Relay
    sweeper: Sweeper
    watch: LagWatch
    store: Relayed
    base: Base

    async def submit(self, *documents: dict[str, Any]) -> None:
        await self.base.database["submissions"].insert_many(list(documents))

    async def stored(self, document: dict[str, Any]) -> dict[str, Any]:
        found = await self.base.database["submissions"].find_one({"_id": document["_id"]})
        assert found is not None
        return dict(found)

    async def publish_all(self) -> None:
        while await self.relay.turn():
            pass

    async def published(self, at_least: int = 0) -> list[str]:
        return [record.key.decode() for record in await self.deployment.records(STANDARD, at_least)]


async def measured(watch: LagWatch) -> bool:
    """A broker that has never had a group makes the topic of offsets when it is first asked."""
    try:
        await watch.measure()
    except GroupCoordinatorNotAvailableError:
        return False
    return True


@asynccontextmanager
async def open_works(deployment: Deployment, **overrides: Any) -> AsyncIterator[Works]:
    await deployment.prepare("ingest", topics=LIVE)
    settings = deployment.settings(Settings, **overrides)
    base = Base("ingest", settings, {"relay"})

    def held(name: str) -> HeldTenure:
        return HeldTenure(Tenure(base.database, name, 10), 10)

    store = Relayed(base.database)
    relay = Relay(Lane.STANDARD, store, base.publisher, base.tracing, held("relay"), settings)
    sweeper = Sweeper(store, Messages(base.database), Disposal(base), base.publisher, held("sweeper"), settings)
    meter = LagMeter(settings)
    watch = LagWatch(meter, [relay.allowance], settings.relay_lag_seconds)
    async with base.kafka:
        await base.kafka.connected.wait()
        await eventually(lambda: measured(watch), what="a first measurement")
        try:
            yield Works(deployment, relay, sweeper, watch, store, base)
        finally:
            await meter.close()
            base.client.close()
