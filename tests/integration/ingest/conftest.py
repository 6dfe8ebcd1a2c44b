"""Ingest's http role on an isolated deployment, with a workspace that may send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import pytest_asyncio

from services.ingest.accounts.workspaces import EVERY_FEATURE, Made, Workspaces
from services.ingest.app import create_app
from services.ingest.contacts.contacts import Contacts
from services.ingest.domains import declaring
from services.ingest.settings import Settings
from services.ingest.store.contact_events import ContactEvents
from services.ingest.store.contacts import ContactStore
from shared.api import Api, create_api
from shared.auth import WORKSPACE_SCOPES
from shared.contracts.entities import Kind, Sender, Workspace
from shared.dkim_keys import generate_key
from shared.kafka.connection import KafkaConnection
from shared.mongo.entities import Entities
from shared.mongo.entity_cache import EntityCache
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.servers import Servers

DOMAIN = "acme.test"
SENDER = f"alerts@{DOMAIN}"


@dataclass
class Door:
    """A client of the API, the workspace it sends for, and the databases behind."""

    api: Api
    http: httpx.AsyncClient
    deployment: Deployment
    workspaces: Workspaces
    workspace: Made
    key: str
    domain: Made
    headers: dict[str, str] = field(default_factory=dict)
    chunks_before: int = 0

    async def post(self, body: Any = None, path: str = "/v1/emails", **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", **self.headers, **request.pop("headers", {})}
        if body is not None:
            request["json"] = body
        return await self.http.post(path, headers=headers, **request)

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path, headers={"Authorization": f"Bearer {self.key}", **self.headers})

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(path, headers={"Authorization": f"Bearer {self.key}", **self.headers})

    async def submissions(self, workspace_id: str | None = None) -> list[dict[str, Any]]:
        """What the requests of the workspace, or of another one, became, in their order."""
        condition = {"workspace_id": workspace_id or self.workspace.id}
        found = self.deployment.database("ingest")["submissions"].find(condition)
        return await found.sort("_id", 1).to_list(None)

    async def contents(self) -> list[dict[str, Any]]:
        contents = self.deployment.database("content")["contents"]
        return await contents.find({"workspace_id": self.workspace.id}).sort("_id", 1).to_list(None)

    async def limit(self, **changes: Any) -> None:
        """Changes the workspace as another process does, and returns once the door knows: every reply tells of the rate
        limit, which is a new one each time."""
        entities = Entities(self.deployment.database("ingest"))
        entity = await entities.get(Kind.WORKSPACE, self.workspace.id)
        assert entity is not None
        observer = (await self.workspaces.create_api_key(self.workspace.id, "observer", [])).secret
        told = 1_000_000 + entity.version
        await entities.put(Kind.WORKSPACE, entity.id, entity.id, {**entity.data, "rate_limit": told, **changes})

        async def is_known() -> bool:
            reply = await self.http.get("/v1/emails", headers={"Authorization": f"Bearer {observer}"})
            return f"q={told};" in reply.headers["ratelimit-policy"]

        await eventually(is_known, every=0.01, what="the change at the door")

    async def nothing_stored(self) -> bool:
        """Nothing of the workspace, and no chunk of a file of anybody's since the test began."""
        chunks = await count_chunks(self.deployment) - self.chunks_before
        return not await self.submissions() and not await self.contents() and not chunks


@cache
def dkim_pair() -> tuple[str, str]:
    """The one key pair of the doors' own domains: making an RSA key takes longer than most tests' requests do."""
    return generate_key()


async def count_chunks(deployment: Deployment) -> int:
    return await deployment.database("content")["content_chunks"].count_documents({})


def send(**changes: Any) -> dict[str, Any]:
    """A good request, changed."""
    body = {"from": SENDER, "subject": "Your code", "html": "<p>482910</p>", "to": ["known@example.test"]}
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


async def make_workspace(workspaces: Workspaces, **changes: Any) -> tuple[Made, str]:
    """A workspace that may send, and the text of a key with every scope."""
    fields = {"name": "Acme", "owner_email": f"owner@{DOMAIN}", "features": ["smtp.enabled"], **changes}
    workspace = await workspaces.create(Workspace(**fields))
    key = await workspaces.create_api_key(workspace.id, "test", WORKSPACE_SCOPES)
    return workspace, key.secret or ""


def contacts_of(door: Door) -> Contacts:
    """The workspace's contacts as another process writes them."""
    database = door.deployment.database("ingest")
    return Contacts(EntityCache(Entities(database)), ContactStore(database), ContactEvents(database))


@asynccontextmanager
async def open_door(deployment: Deployment, **overrides: Any) -> AsyncIterator[Door]:
    await deployment.prepare("ingest", topics=("config.changes",))
    settings = deployment.settings(Settings, **overrides)
    service = create_app(settings, {"http"})
    api = create_api(service.routers)
    entities = Entities(deployment.database("ingest"))
    async with (
        KafkaConnection(settings, "test") as kafka,
        service.run(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(api, raise_app_exceptions=False), base_url="http://posthorn"
        ) as http,
    ):
        await kafka.connected.wait()
        workspaces = Workspaces(entities, kafka.publisher, settings)
        workspace, key = await make_workspace(workspaces)
        with patch.object(declaring, "generate_key", dkim_pair):  # which later domains of this name sign with too
            domain, _ = await workspaces.create_domain(workspace.id, DOMAIN, verified=True)
        await workspaces.create_sender(workspace.id, Sender(address=SENDER, verified=True))
        yield Door(api, http, deployment, workspaces, workspace, key, domain)


@pytest.fixture
async def door(deployment: Deployment) -> AsyncIterator[Door]:
    async with open_door(deployment) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_door(servers: Servers) -> AsyncIterator[Door]:
    """A door for all tests of a module, whose mark says that they run in one loop."""
    deployment = Deployment(servers.mongo_url, servers.kafka_bootstrap)
    async with open_door(deployment) as opened:
        yield opened
    await deployment.drop()


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(module_door: Door) -> Door:
    """The module's door for a workspace of the test's own, with every feature."""
    workspace, key = await make_workspace(module_door.workspaces, features=list(EVERY_FEATURE))
    domain, _ = await module_door.workspaces.create_domain(workspace.id, DOMAIN, verified=True)
    await module_door.workspaces.create_sender(workspace.id, Sender(address=SENDER, verified=True))
    chunks = await count_chunks(module_door.deployment)
    return replace(module_door, workspace=workspace, key=key, domain=domain, chunks_before=chunks)
