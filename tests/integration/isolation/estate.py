"""Two workspaces with an object of every kind each, behind the API of all services."""

from __future__ import annotations

import importlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from services.ingest.accounts.workspaces import EVERY_FEATURE, Workspaces
from services.ingest.settings import Settings
from shared.api import Api, create_api
from shared.auth import WORKSPACE_SCOPES
from shared.contracts.entities import Kind, Workspace
from shared.contracts.topics import COMMANDS, CONFIG_CHANGES, EVENTS, SUPPRESSION_CHANGES
from shared.kafka.connection import KafkaConnection
from shared.mongo.entities import Entities
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.integration.isolation.asking import OPEN, OPERATOR, Ask, Asker, Values
from tests.integration.isolation.objects import Maker
from tests.integration.isolation.table import ASKS
from tests.integration.isolation.tenant import Tenant

SERVICES = ("ingest", "router", "suppression", "webhooks", "sender")
OPERATOR_TOKEN = "operator-token-of-a-test"
QUIET = {
    "last_used_seconds": 3600,  # that a key was used is not what is looked for
    "sweep_seconds": 3600,
    "domain_resolvers": ["127.0.0.1:1"],
    "domain_dns_seconds": 0.1,
    "allow_private_targets": True,
}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Estate:
    """`keys` are those of the second workspace, by name: `<scope>`, `all but <scope>`, `revoked`, `expired`."""

    deployment: Deployment
    api: Api
    http: httpx.AsyncClient
    first: Tenant
    second: Tenant
    shared: dict[str, str]
    keys: dict[str, str]

    def asker(self, key: str | None) -> Asker:
        """One who asks with a key of the second workspace."""
        return Asker(self.http, key, self.second.values)

    def all_but(self, scope: str) -> Asker:
        return self.asker(self.keys[f"all but {scope}"])

    def only(self, ask: Ask) -> Asker:
        return self.asker(self.keys[" ".join((ask.scope, *ask.held))])

    @property
    def theirs(self) -> Values:
        """The first workspace's objects, as somebody else knows them: the links of its messages cannot be made."""
        forged = Maker.links(os.urandom(32), self.first.workspace, self.first.values["message"])
        return {**self.shared, **self.first.values, **forged}

    @property
    def own(self) -> Values:
        return {**self.shared, **self.second.values}

    def nobodys(self) -> Values:
        """Names of the same forms that stand for nothing."""
        other = secrets.token_hex(8)
        made = {
            name: _unlike(value, self.first.secret, other)
            for name, value in {**self.shared, **self.first.values}.items()
        }
        return {**made, "version": "1", **Maker.links(os.urandom(32), uuid7(), uuid7())}


def _unlike(value: str, secret: str, other: str) -> str:
    if secret in value:
        return value.replace(secret, other)
    if UUID.fullmatch(value):
        return uuid7()
    if value.isdecimal():
        return str(int(value) - (1 << 30))
    return value[-1] + value[:-1] if value[0] != value[-1] else f"A{value[1:]}"


@asynccontextmanager
async def open_estate(deployment: Deployment) -> AsyncIterator[Estate]:
    topics = (COMMANDS, CONFIG_CHANGES, EVENTS, SUPPRESSION_CHANGES)
    await deployment.prepare("ingest", "suppression", "webhooks", "sender", topics=topics)
    await Entities(deployment.database("router")).create_notices()
    settings = deployment.settings(Settings, **QUIET)
    async with AsyncExitStack() as stack:
        kafka = await stack.enter_async_context(KafkaConnection(settings, "test"))
        await kafka.connected.wait()
        entities = Entities(deployment.database("ingest"))
        workspaces = Workspaces(entities, kafka.publisher, settings)
        first, second = [await _tenant(workspaces, name) for name in ("First", "Second")]
        keys = await _keys(workspaces, entities, second.workspace)
        await _copy_accounts(deployment)
        services = [_service(deployment, name) for name in SERVICES]
        for service in services:
            await stack.enter_async_context(service.run())
        api = create_api([router for service in services for router in service.routers])
        transport = httpx.ASGITransport(api, raise_app_exceptions=False)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://posthorn"))
        shared = await _platform(http)
        for tenant in (first, second):
            name = f"d{tenant.secret}.test"
            domain, _ = await workspaces.create_domain(tenant.workspace, name, verified=True)
            tenant.values = dict(await Maker(http, deployment, tenant).make_all(domain.id, name))
        yield Estate(deployment, api, http, first, second, shared, keys)


def _service(deployment: Deployment, name: str) -> Any:
    module = importlib.import_module(f"services.{name}.app")
    settings = deployment.settings(importlib.import_module(f"services.{name}.settings").Settings, **QUIET)
    return module.create_app(settings, {"http"})


async def _tenant(workspaces: Workspaces, name: str) -> Tenant:
    made = await workspaces.create(Workspace(name=name, owner_email="owner@acme.test", features=list(EVERY_FEATURE)))
    return Tenant(made.id, await _key(workspaces, made.id, WORKSPACE_SCOPES))


async def _keys(workspaces: Workspaces, entities: Entities, workspace: str) -> dict[str, str]:
    """A workspace's keys: with just what an operation needs, without each scope, and dead ones."""
    asks = (ask for ask in ASKS if ask.scope not in (OPERATOR, OPEN))
    sets = {" ".join((ask.scope, *ask.held)): [ask.scope, *ask.held] for ask in asks}
    without = {f"all but {one}": [each for each in WORKSPACE_SCOPES if each != one] for one in WORKSPACE_SCOPES}
    made = {name: await _key(workspaces, workspace, scopes) for name, scopes in {**sets, **without}.items()}
    past = datetime.now(UTC) - timedelta(seconds=1)
    made["expired"] = await _key(workspaces, workspace, WORKSPACE_SCOPES, past)
    revoked = await workspaces.create_api_key(workspace, "revoked", WORKSPACE_SCOPES)
    found = await entities.get(Kind.API_KEY, revoked.id)
    assert found is not None
    await entities.put(Kind.API_KEY, revoked.id, workspace, found.data, deleted=True)
    return made | {"revoked": revoked.secret or ""}


async def _key(
    workspaces: Workspaces, workspace: str, scopes: Collection[str], expires_at: datetime | None = None
) -> str:
    made = await workspaces.create_api_key(workspace, "walk", scopes, expires_at)
    return made.secret or ""


async def _copy_accounts(deployment: Deployment) -> None:
    """Has every service know of the workspaces and keys that ingest has, as `config.changes` would."""
    for kind in (Kind.WORKSPACE, Kind.API_KEY):
        documents = await deployment.database("ingest")[kind].find({}).to_list(None)
        for service in SERVICES[1:]:
            collection = deployment.database(service)[kind]
            for document in documents:
                await collection.replace_one({"_id": document["_id"]}, document, upsert=True)


async def _platform(http: httpx.AsyncClient) -> dict[str, str]:
    """The operator's objects."""
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    transport = {"name": "shared", "kind": "smarthost", "host": "relay.example.test"}
    suppression = {"email": f"never-{secrets.token_hex(4)}@example.test"}
    rule = {"id": f"rule-{secrets.token_hex(4)}", "lane": "standard"}
    made = {}
    for name, path, body in (
        ("platform_rule", "/v1/platform/routes/rules", rule),
        ("shared_transport", "/v1/platform/transports", transport),
        ("platform_suppression", "/v1/platform/suppressions", suppression),
        ("platform_erasure", "/v1/platform/erasures", {"email": f"gone-{secrets.token_hex(4)}@example.test"}),
    ):
        reply = await http.post(path, json=body, headers=headers)
        assert reply.is_success, reply.text
        given = reply.json()
        made[name] = given["data"]["uuid"] if "data" in given else given["id"]
    return made
