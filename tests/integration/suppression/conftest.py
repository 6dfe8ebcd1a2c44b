"""A suppression service on real servers, and the records that go in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.suppression.app import create_app
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.api import create_api
from shared.contracts.entities import Kind
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import (
    COMMANDS,
    CONFIG_CHANGES,
    EVENTS,
    SUPPRESSION_CHANGES,
    Lane,
    cleared,
    dead_letters,
    routed,
)
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities
from shared.secrets import SecretBox, api_key_digest
from shared.tokens import new_api_key, uuid7
from tests.fixtures.deployment import Deployment
from tests.fixtures.messages import a_message

TOPICS = (
    COMMANDS,
    CONFIG_CHANGES,
    EVENTS,
    SUPPRESSION_CHANGES,
    *(name(lane) for lane in Lane for name in (routed, cleared)),
    dead_letters(EVENTS),
    *(dead_letters(routed(lane)) for lane in Lane),
)
OPERATOR = "operator-token-of-a-test"
URL = "/v1/suppressions"


def a_bounce(recipient: str, class_: str = "invalid_recipient", at: datetime | None = None, **changes: Any) -> Event:
    data = {"class": class_, "hard": True, "code": 550, "reply": "550 5.1.1 no such user", "rule": "unknown-user"}
    return event_of(a_message(recipient, **changes), EventType.BOUNCED, at or datetime.now(UTC), data)


def record_of(record: Message | Event) -> tuple[str, bytes, dict[str, str]]:
    return record.message_id, record.encode(), {}


class Suppressing:
    """One deployment's suppression service, with what its tests need around it."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.settings = deployment.settings(Settings)
        self.store = self.make_store()

    def make_store(self) -> Suppressions:
        box = SecretBox(self.settings.encryption_key_bytes)
        publisher = Publisher(self.settings, "unconnected")
        return Suppressions(self.deployment.database("suppression"), self.settings.pepper_bytes, box, publisher)

    @asynccontextmanager
    async def running(self, *roles: str, **overrides: Any) -> AsyncIterator[httpx.AsyncClient]:
        """The service with the given roles, and a client of its API."""
        service = create_app(self.deployment.settings(Settings, **overrides), roles)
        transport = httpx.ASGITransport(create_api(service.routers))
        async with service.run(), httpx.AsyncClient(transport=transport, base_url="http://posthorn") as client:
            yield client

    async def key(self, workspace_id: str, *scopes: str) -> dict[str, str]:
        """The header of a new key of a workspace, written as the copy of configuration would be."""
        entities = Entities(self.deployment.database("suppression"))
        key = new_api_key()
        await entities.put(Kind.WORKSPACE, workspace_id, workspace_id, {"name": "W", "owner_email": "o@w.example"})
        digest = api_key_digest(self.settings.pepper_bytes, key)
        data = {"name": "k", "digest": digest, "prefix": key[:12], "scopes": list(scopes or ("suppressions",))}
        await entities.put(Kind.API_KEY, uuid7(), workspace_id, data)
        return {"authorization": f"Bearer {key}"}

    async def add_domain(self, workspace_id: str, name: str, id_: str = "") -> str:
        """A sending domain of a workspace, as its copy; its id."""
        id_ = id_ or uuid7()
        entities = Entities(self.deployment.database("suppression"))
        await entities.put(Kind.DOMAIN, id_, workspace_id, {"name": name})
        return id_

    async def publish(self, topic: str, *records: Message | Event) -> None:
        await self.deployment.publish(topic, [record_of(record) for record in records])

    async def cleared(self, lane: Lane = Lane.STANDARD, at_least: int = 1) -> dict[str, Message]:
        """What has passed, by recipient."""
        records = await self.deployment.records(cleared(lane), at_least)
        return {message.recipient: message for message in (Message.decode(record.value) for record in records)}


@pytest.fixture
async def suppressing(deployment: Deployment) -> Suppressing:
    """With every topic that the service reads or writes."""
    await deployment.prepare("suppression", topics=TOPICS)
    return Suppressing(deployment)


@pytest.fixture
async def answering(deployment: Deployment) -> Suppressing:
    """With the one topic that its API writes."""
    await deployment.prepare("suppression", topics=(SUPPRESSION_CHANGES,))
    return Suppressing(deployment)


@pytest.fixture
async def storing(deployment: Deployment) -> Suppressing:
    """With its database alone."""
    await deployment.prepare("suppression")
    return Suppressing(deployment)


@pytest.fixture
async def http(answering: Suppressing) -> AsyncIterator[httpx.AsyncClient]:
    async with answering.running("http") as client:
        yield client


@pytest.fixture
async def ours(answering: Suppressing) -> dict[str, str]:
    return await answering.key("w1", "suppressions")


@pytest.fixture
async def theirs(answering: Suppressing) -> dict[str, str]:
    return await answering.key("w2", "suppressions", "admin")


async def post(http: httpx.AsyncClient, key: dict[str, str], **body: Any) -> httpx.Response:
    return await http.post(URL, json=body, headers=key)
