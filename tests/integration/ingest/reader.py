"""A reader of a message, as ingest's http role sees one: its links, and what became of using them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.api import create_api
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, LIVE
from shared.links import Link, Links
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import Door, open_door, send

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
TARGET = "https://shop.test/offer?id=7&code=482910"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@dataclass
class Reader:
    """The reader of one accepted message. `http` follows no redirect."""

    door: Door
    http: httpx.AsyncClient
    message: Message

    def url(self, kind: str, target: str | None = None, **other: str) -> str:
        link = Link(kind=kind) if target is None else Link(kind=kind, url=target)
        links = Links(self.door.deployment.shared.token_key_bytes)
        ids = {"workspace_id": self.message.workspace_id, "message_id": self.message.message_id, **other}
        return links.url("http://posthorn", link, **ids)

    async def open(self, **request: Any) -> httpx.Response:
        return await self._ask("GET", self.url("open"), **request)

    async def click(self, target: str = TARGET, **request: Any) -> httpx.Response:
        return await self._ask("GET", self.url("click", target), **request)

    async def unsubscribe(self, kind: str = "unsubscribe", **request: Any) -> httpx.Response:
        return await self._ask("POST", self.url(kind), **({"data": ONE_CLICK} | request))

    async def hits(self) -> list[dict[str, Any]]:
        return await self.door.deployment.database("ingest")["tracked_hits"].find({}).sort("at", 1).to_list(None)

    async def kept(self) -> list[Event]:
        return [Event.decode(hit["event"]) for hit in await self.hits()]

    async def minutes(self) -> set[tuple[str, str]]:
        """The type and the minute of every hit that is kept."""
        return {(event.type.value, f"{event.occurred_at:%H:%M}") for event in await self.kept()}

    async def published(self, at_least: int) -> list[Event]:
        return [Event.decode(record.value) for record in await self.door.deployment.records(EVENTS, at_least)]

    async def view(self, *times: str) -> dict[str, Any]:
        """The message as its sender sees it, once it shows the named times."""
        path, headers = f"/v1/emails/{self.message.message_id}", {"Authorization": f"Bearer {self.door.key}"}

        async def shown() -> dict[str, Any] | None:
            view: dict[str, Any] = (await self.door.http.get(path, headers=headers)).json()
            return view if all(view[name] for name in times) else None

        return await eventually(shown)

    async def trace(self) -> list[dict[str, Any]]:
        path = f"/v1/emails/{self.message.message_id}/trace"
        reply = await self.door.http.get(path, headers={"Authorization": f"Bearer {self.door.key}"})
        entries: list[dict[str, Any]] = reply.json()["data"]
        return entries

    async def _ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        headers = {"User-Agent": BROWSER, **request.pop("headers", {})}
        return await self.http.request(method, url, headers=headers, **request)


async def sent(door: Door, **changes: Any) -> Message:
    """A message that was accepted, as its submission has it."""
    reply = await door.post(send(**changes))
    [document] = [one for one in await door.submissions() if one["messages"][0]["id"] in reply.text]
    return Message.decode(document["messages"][0]["record"])


@asynccontextmanager
async def open_reader(deployment: Deployment, *roles: str, **overrides: Any) -> AsyncIterator[Reader]:
    """A reader long after delivery; `roles` run beside the http role."""
    await deployment.prepare("ingest", topics=LIVE)
    async with open_door(deployment, **({"tracking_hasty_seconds": 0} | overrides)) as door:
        reader = Reader(door, door.http, await sent(door))
        if not roles:
            yield reader
            return
        async with create_app(deployment.settings(Settings), set(roles)).run():
            yield reader


@asynccontextmanager
async def beside(reader: Reader, **overrides: Any) -> AsyncIterator[Reader]:
    """The same reader at another process of the same deployment."""
    service = create_app(
        reader.door.deployment.settings(Settings, **{"tracking_hasty_seconds": 0} | overrides), {"http"}
    )
    transport = httpx.ASGITransport(create_api(service.routers), raise_app_exceptions=False)
    async with service.run(), httpx.AsyncClient(transport=transport, base_url="http://posthorn") as http:
        yield Reader(reader.door, http, reader.message)
