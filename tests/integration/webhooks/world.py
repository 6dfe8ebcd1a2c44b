"""A running webhooks service with a workspace, its key, and events to feed it with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from services.webhooks.app import create_app
from services.webhooks.rules import webhook_id
from services.webhooks.settings import Settings
from shared.api import create_api
from shared.contracts.entities import ApiKey, EntityChange, Kind, Workspace
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import COMMANDS, CONFIG_CHANGES, EVENTS, WEBHOOK_EVENTS, Lane, accepted, dead_letters
from shared.contracts.webhooks import WebhookAttempt
from shared.mongo.entities import Entities
from shared.secrets import api_key_digest
from shared.telemetry.tracing import trace_headers
from shared.tokens import new_api_key, uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.messages import a_message

TOPICS = (COMMANDS, EVENTS, dead_letters(EVENTS), CONFIG_CHANGES, WEBHOOK_EVENTS, *(accepted(lane) for lane in Lane))
QUICK = {
    "allow_private_targets": True,
    "webhook_schedule": [0, 0.05, 0.05],
    "webhook_poll_seconds": 0.05,
    "webhook_backfill_settle_seconds": 0,
    "standard_wait_ms": 10,
}


def message_of(workspace_id: str, trace: str | None = None, **changes: Any) -> Message:
    fields = {"workspace_id": workspace_id, "trace": trace, "tags": ["welcome"], "metadata": {"order": "17"}}
    return a_message("ada@customer.test", **fields, **changes)


def an_event(workspace_id: str, type_: EventType = EventType.DELIVERED, trace: str | None = None, **data: Any) -> Event:
    message = message_of(workspace_id, trace, pass_=1, attempt=1)
    return event_of(message, type_, datetime.now(UTC), data or {"code": 250, "transcript": [{"sent": "secret"}]})


class World:
    """A deployment with one workspace; `client` speaks with its key."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.entities = Entities(deployment.database("webhooks"))
        self.jobs = deployment.database("webhooks")["jobs"]
        self.attempts = deployment.database("webhooks")["attempts"]
        self.troubles = deployment.database("webhooks")["troubles"]
        self.workspace_id = ""
        self.client: httpx.AsyncClient

    async def add_workspace(self, scopes: list[str]) -> tuple[str, dict[str, str]]:
        """A workspace and a key of it, as they come on `config.changes`; its id and the header to send."""
        workspace_id, workspace = uuid7(), Workspace(name="Test", owner_email="owner@customer.test")
        await self.entities.apply([_change(Kind.WORKSPACE, workspace_id, None, workspace.model_dump())])
        return workspace_id, await self.add_key(workspace_id, scopes)

    async def add_key(self, workspace_id: str, scopes: list[str]) -> dict[str, str]:
        """A key of a workspace, as the header to send."""
        key = new_api_key()
        digest = api_key_digest(self.deployment.shared.pepper_bytes, key)
        api_key = ApiKey(name="test", digest=digest, prefix=key[:12], scopes=scopes)
        await self.entities.apply([_change(Kind.API_KEY, uuid7(), workspace_id, api_key.model_dump())])
        return {"authorization": f"Bearer {key}"}

    async def add_endpoint(self, url: str, **fields: Any) -> dict[str, Any]:
        reply = await self.client.post("/v1/webhooks", json={"url": url, **fields})
        assert reply.status_code == 201, reply.text
        body: dict[str, Any] = reply.json()
        return body

    async def publish(self, *events: Event) -> None:
        records = [(event.message_id, event.encode(), trace_headers(event.trace)) for event in events]
        await self.deployment.publish(EVENTS, records)

    async def listed(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """The first page of a list below `/v1/webhooks`."""
        reply = await self.client.get(f"/v1/webhooks/{path}", params=query)
        assert reply.status_code == 200, reply.text
        data: list[dict[str, Any]] = reply.json()["data"]
        return data

    async def posts(self, endpoint_id: str, **query: Any) -> list[dict[str, Any]]:
        """The attempts at an endpoint, newest first."""
        return await self.listed(f"{endpoint_id}/attempts", **query)

    async def ask(self, method: str, path: str, status: int, json: Any = None, **query: Any) -> dict[str, Any]:
        """What a path below `/v1/webhooks` answers, with this status."""
        reply = await self.client.request(method, f"/v1/webhooks/{path}", json=json, params=query)
        assert reply.status_code == status, reply.text
        body: dict[str, Any] = reply.json()
        return body

    async def ended(self, endpoint: dict[str, Any], *events: Event) -> list[str]:
        """The states of the events' deliveries to an endpoint, once all have ended."""

        async def states() -> list[str] | None:
            found = [await self.job(event, endpoint) for event in events]
            return (
                [job["state"] for job in found if job] if all(job and job.get("finished_at") for job in found) else None
            )

        return await eventually(states)  # type: ignore[return-value]

    async def job(self, event: Event, endpoint: dict[str, Any]) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await self.jobs.find_one({"_id": webhook_id(event.event_id, endpoint["id"])})
        return found

    async def published(self, at_least: int) -> list[WebhookAttempt]:
        records = await self.deployment.records(WEBHOOK_EVENTS, at_least)
        return [WebhookAttempt.decode(record.value) for record in records]


def _change(kind: Kind, id_: str, workspace_id: str | None, data: dict[str, Any]) -> EntityChange:
    return EntityChange(
        kind=kind, id=id_, workspace_id=workspace_id, version=1, changed_at=datetime.now(UTC), data=data
    )


@asynccontextmanager
async def dispatching(deployment: Deployment, **overrides: Any) -> AsyncIterator[None]:
    """One more process of the service, for a deployment with a world."""
    service = create_app(deployment.settings(Settings, **{**QUICK, **overrides}), {"dispatch"})
    async with service.run():
        yield


@asynccontextmanager
async def running_world(
    deployment: Deployment, roles: Collection[str] = ("http", "dispatch"), **overrides: Any
) -> AsyncIterator[World]:
    """The whole service in one process, quick to retry unless `overrides` say otherwise."""
    await deployment.prepare("webhooks", topics=TOPICS)
    world = World(deployment)
    world.workspace_id, headers = await world.add_workspace(["webhooks"])
    service = create_app(deployment.settings(Settings, **{**QUICK, **overrides}), roles)
    transport = httpx.ASGITransport(create_api(service.routers))
    async with (
        service.run(),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as world.client,
    ):
        yield world
