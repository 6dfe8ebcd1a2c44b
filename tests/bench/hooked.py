"""Endpoints and events for a stack whose webhooks service is measured alone: written to where it reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.contracts.entities import Endpoint, EntityChange, Kind
from shared.contracts.events import EventType, event_of
from shared.contracts.topics import EVENTS
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo.client import make_client, open_database
from shared.mongo.entities import Entities
from shared.secrets import SecretBox
from shared.tokens import uuid7
from tests.bench.pacing import turns
from tests.fixtures.messages import a_message
from tests.fixtures.settings import settings_of

PUBLISH_SECONDS = 60
SECRET = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OUTCOME = {"code": 250, "enhanced": "2.0.0", "reply": "2.0.0 Ok: queued as 4Fq1Xz2b3Hz9s", "host": "mx.sink.test"}


class Hooked:
    """Each endpoint has a workspace of its own, so that an event is one webhook."""

    def __init__(self, environ: Mapping[str, str], url: str) -> None:
        self._settings = settings_of(environ)
        self._url = url

    def configure(self, paths: Sequence[str], **settings: Any) -> list[str]:
        """Adds an endpoint for each path; returns their workspaces, in order."""
        box = SecretBox(self._settings.encryption_key_bytes)
        ids = [uuid7() for _ in paths]
        now = datetime.now(UTC)
        changes = []
        for id_, path in zip(ids, paths, strict=True):
            endpoint = Endpoint(
                url=f"{self._url}{path}", secret=box.seal(SECRET, f"endpoint:{id_}"), created_at=now, **settings
            )
            data = endpoint.model_dump(mode="json")
            changes.append(
                EntityChange(kind=Kind.ENDPOINT, id=id_, workspace_id=f"of-{id_}", version=1, changed_at=now, data=data)
            )
        asyncio.run(self._apply(changes))
        return [f"of-{id_}" for id_ in ids]

    def publish(self, workspaces: Sequence[str], events: int, rate: float | None = None) -> None:
        """So many events, of the workspaces in turn: at once, or so many a second."""
        asyncio.run(self._publish(workspaces, events, rate))

    def recorded(self, workspaces: Sequence[str]) -> int:
        """How many of their jobs have ended; one less for each attempt that is not published yet."""
        return asyncio.run(self._recorded(workspaces))

    def unfinished(self) -> int:
        """How many jobs have not ended, or their attempts are not published yet."""
        return asyncio.run(self._unfinished())

    async def _apply(self, changes: list[EntityChange]) -> None:
        client = make_client(self._settings)
        await Entities(open_database(client, self._settings.database("webhooks"))).apply(changes)
        client.close()

    async def _publish(self, workspaces: Sequence[str], events: int, rate: float | None) -> None:
        publisher = Publisher(self._settings, "bench", PUBLISH_SECONDS)
        async for numbers in turns(events, rate):
            await publisher.publish([self._event(workspaces[each % len(workspaces)]) for each in numbers])
        await publisher.close()

    async def _recorded(self, workspaces: Sequence[str]) -> int:
        client = make_client(self._settings)
        database = open_database(client, self._settings.database("webhooks"))
        of_these = {"workspace_id": {"$in": list(workspaces)}}
        ended = await database["jobs"].count_documents({**of_these, "state": {"$ne": "waiting"}})
        unpublished = await database["attempts"].count_documents({**of_these, "unpublished.since": {"$exists": True}})
        client.close()
        return ended - unpublished

    async def _unfinished(self) -> int:
        client = make_client(self._settings)
        database = open_database(client, self._settings.database("webhooks"))
        waiting = await database["jobs"].count_documents({"state": "waiting"})
        unpublished = await database["attempts"].count_documents({"unpublished.since": {"$exists": True}})
        client.close()
        return waiting + unpublished

    @staticmethod
    def _event(workspace: str) -> Outgoing:
        now = datetime.now(UTC)
        message = a_message(f"to+{uuid7()}@sink.test", now, workspace_id=workspace).with_changes(pass_=1, attempt=1)
        event = event_of(message, EventType.DELIVERED, now, dict(OUTCOME))
        return Outgoing(EVENTS, event.message_id, event.encode())
