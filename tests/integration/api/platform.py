"""One process that serves the http roles of all services, on a deployment with a workspace that may do everything."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from services.ingest.accounts.workspaces import EVERY_FEATURE, Workspaces
from services.ingest.settings import Settings
from services.router.routes.configuration import DIRECT
from shared.auth import WORKSPACE_SCOPES
from shared.contracts.entities import Kind, Sender, Transport, Workspace
from shared.contracts.events import EventType, accepted_event, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import LIVE
from shared.kafka.connection import KafkaConnection
from shared.links import Link, Links
from shared.mongo.entities import Entities
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.dns_server import name_server
from tests.integration.ingest.read_model import project
from tests.unit.ingest.lives import outcome

DOMAIN = "acme.example"  # which the document's examples send from
SERVICES = ("ingest", "router", "suppression", "webhooks", "sender")
SPECS = tuple(f"{service}:http" for service in SERVICES)
TARGET = "https://shop.test/offer"


@dataclass(frozen=True)
class Platform:
    """Where the process is, who may ask it, and what was made beforehand."""

    url: str
    key: str
    operator: str
    workspace: str
    message: str
    attachment: str
    links: dict[str, str]
    needed: list[str]
    """Ids and names of what must stay as it is."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@asynccontextmanager
async def open_platform(deployment: Deployment, log: Path) -> AsyncIterator[Platform]:
    await deployment.prepare(*SERVICES, topics=LIVE)
    async with name_server() as resolver:
        api, health = _free_port(), _free_port()
        environment = {
            **deployment.environment,
            "http_port": api,
            "health_port": health,
            "public_url": f"http://127.0.0.1:{api}",
            "domain_resolvers": f'["{resolver.address}"]',
            "domain_dns_seconds": 1,
        }
        workspace, key = await _workspace(deployment)
        async with _serving(environment, log), httpx.AsyncClient(base_url=f"http://127.0.0.1:{health}") as probe:
            await eventually(lambda: _is_ready(probe), seconds=90, what="the process")
            yield await _made(deployment, f"http://127.0.0.1:{api}", workspace, key)


async def _workspace(deployment: Deployment) -> tuple[str, str]:
    """A workspace and the text of a key with every scope, known to every service as `config.changes` would tell."""
    settings = deployment.settings(Settings)
    database = deployment.database("ingest")
    async with KafkaConnection(settings, "test") as kafka:
        await kafka.connected.wait()
        workspaces = Workspaces(Entities(database), kafka.publisher, settings)
        fields = {"name": "Acme", "owner_email": f"owner@{DOMAIN}", "default_sender": f"alerts@{DOMAIN}"}
        made = await workspaces.create(Workspace(**fields, features=list(EVERY_FEATURE), max_domains=10_000))
        key = await workspaces.create_api_key(made.id, "test", WORKSPACE_SCOPES)
        await workspaces.create_domain(made.id, DOMAIN, verified=True)
        await workspaces.create_sender(made.id, Sender(address=f"alerts@{DOMAIN}", verified=True))
    for service in SERVICES[1:]:
        for kind in (Kind.WORKSPACE, Kind.API_KEY):
            documents = await database[kind].find({}).to_list(None)
            await deployment.database(service)[kind].insert_many(documents)
    direct = Transport(name="Direct", kind="direct").model_dump(mode="json")
    await Entities(deployment.database("router")).put(Kind.TRANSPORT, DIRECT, None, direct)
    return made.id, key.secret or ""


@asynccontextmanager
async def _serving(environment: dict[str, Any], log: Path) -> AsyncIterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
    given = {f"POSTHORN_{name.upper()}": str(value) for name, value in environment.items()}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", "run", *SPECS,
            env={**kept, **given, "POSTHORN_HOME": str(log.parent)}, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            yield
        finally:
            process.terminate()
            await process.wait()


async def _is_ready(probe: httpx.AsyncClient) -> bool:
    try:
        return (await probe.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def _made(deployment: Deployment, url: str, workspace: str, key: str) -> Platform:
    """What operations need that no operation makes: a message with an attachment, its links, a verified sender."""
    body = {
        "to": ["reader@example.test"],
        "from": f"alerts@{DOMAIN}",
        "subject": "Your code",
        "text": "482910",
        "attachments": [{"filename": "code.txt", "content": "NDgyOTEw"}],
    }
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}) as http:
        sent = await http.post("/v1/emails", json=body)
        message = sent.raise_for_status().json()["data"]["messages"][0]["uuid"]
        content = await http.get(f"/v1/emails/{message}/content")
        attachment = content.raise_for_status().json()["attachments"][0]["id"]
    await _delivered(deployment)
    links = Links(deployment.shared.token_key_bytes)
    ids = {"workspace_id": workspace, "message_id": message}
    urls = {kind: links.url("", Link(kind=kind), **ids) for kind in ("open", "unsubscribe")}
    urls["click"] = links.url("", Link(kind="click", url=TARGET), **ids)
    kinds = (Kind.WORKSPACE, Kind.API_KEY, Kind.DOMAIN, Kind.SENDER)
    found = [await deployment.database("ingest")[kind].find({}).to_list(None) for kind in kinds]
    needed = [document["_id"] for documents in found for document in documents] + [DOMAIN]
    operator = deployment.environment["operator_token"]
    return Platform(url, key, operator, workspace, message, attachment, urls, needed)


async def _delivered(deployment: Deployment) -> None:
    """The read model of the one message, as if it had been delivered and opened."""
    [submission] = await deployment.database("ingest")["submissions"].find({}).to_list(None)
    message = Message.decode(submission["messages"][0]["record"])
    at = message.accepted_at + timedelta(seconds=2)
    delivered = event_of(message, EventType.DELIVERED, at, data=outcome(message, at), attempt=1)
    opened = event_of(message, EventType.OPENED, at + timedelta(seconds=60), data={}, attempt=1)
    await project(deployment, accepted_event(message), delivered, opened)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
