"""A router on real servers, its name server, and the records that go in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.router.app import create_app
from services.router.settings import Settings
from shared.api import create_api
from shared.contracts.entities import EntityChange, Kind
from shared.contracts.messages import Message
from shared.contracts.topics import COMMANDS, CONFIG_CHANGES, EVENTS, Lane, accepted, dead_letters, due, routed
from shared.mongo.entities import Entities
from shared.secrets import api_key_digest
from shared.tokens import new_api_key, uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.dns_server import NameServer, name_server

INCOMING = tuple(name(lane) for lane in Lane for name in (accepted, due))
TOPICS = (
    COMMANDS,
    CONFIG_CHANGES,
    EVENTS,
    *INCOMING,
    *(routed(lane) for lane in Lane),
    *(dead_letters(name) for name in INCOMING),
)
STATIC_MX = {"*.test": ["127.0.0.1:2525"], "down.test": ["127.0.0.1:1", "[::1]:2525"]}


class Router:
    """One deployment's router service, with what its tests need around it."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.settings = deployment.settings(Settings)
        self.entities = Entities(deployment.database("router"))

    @asynccontextmanager
    async def running(self, *roles: str, **overrides: Any) -> AsyncIterator[httpx.AsyncClient]:
        """The service with the given roles, and a client of its API."""
        options = {"static_mx": STATIC_MX, "nameservers": ["127.0.0.1:1"], "dns_timeout_seconds": 1, **overrides}
        service = create_app(self.deployment.settings(Settings, **options), roles)
        transport = httpx.ASGITransport(create_api(service.routers))
        async with service.run(), httpx.AsyncClient(transport=transport, base_url="http://posthorn") as client:
            await eventually(service.ready)
            yield client

    async def workspace(self, id_: str = "w1") -> None:
        """A workspace, written as the copy of configuration would be."""
        await self.entities.put(Kind.WORKSPACE, id_, id_, {"name": "W", "owner_email": "o@w.example"})

    async def key(self, workspace_id: str = "w1", *scopes: str) -> dict[str, str]:
        """The header of a new key of a workspace."""
        key = new_api_key()
        await self.workspace(workspace_id)
        digest = api_key_digest(self.settings.pepper_bytes, key)
        data = {"name": "k", "digest": digest, "prefix": key[:12], "scopes": list(scopes or ("routing",))}
        await self.entities.put(Kind.API_KEY, uuid7(), workspace_id, data)
        return {"authorization": f"Bearer {key}"}

    async def publish(self, topic: str, *messages: Message) -> None:
        await self.deployment.publish(topic, [(message.message_id, message.encode(), {}) for message in messages])

    async def publish_workspace(self, version: int, id_: str = "w1") -> None:
        """A version of a workspace, as its owner publishes it."""
        data = {"name": "W", "owner_email": "o@w.example"}
        change = EntityChange(
            kind=Kind.WORKSPACE, id=id_, workspace_id=id_, version=version, changed_at=datetime.now(UTC), data=data
        )
        await self.deployment.publish(CONFIG_CHANGES, [(change.key, change.encode(), {})])

    async def routed(self, lane: Lane = Lane.STANDARD, at_least: int = 1) -> list[Message]:
        return [Message.decode(record.value) for record in await self.deployment.records(routed(lane), at_least)]

    async def changes(self, at_least: int = 1) -> list[EntityChange]:
        """What stands on `config.changes`."""
        records = await self.deployment.records(CONFIG_CHANGES, at_least)
        return [EntityChange.decode(record.value) for record in records]


@pytest.fixture
async def router(deployment: Deployment) -> Router:
    await deployment.prepare("router", topics=TOPICS)
    return Router(deployment)


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with name_server() as server:
        yield server
