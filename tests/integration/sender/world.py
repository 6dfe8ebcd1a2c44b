"""A sender on its own databases and topics, with the sink as the only mail host in the world."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sender.app import create_app
from services.sender.settings import Settings
from shared.content import COLLECTION, Content, to_document
from shared.contracts.commands import Command
from shared.contracts.entities import EntityChange, Kind
from shared.contracts.events import Event
from shared.contracts.messages import (
    Host,
    Message,
    Route,
    Seen,
    Verdict,
    VerdictKind,
    Versions,
)
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import (
    COMMANDS,
    CONFIG_CHANGES,
    EVENTS,
    SUPPRESSION_CHANGES,
    Lane,
    cleared,
    dead_letters,
    due,
)
from shared.dkim_keys import generate_key
from shared.mongo.entities import Entities
from shared.secrets import SecretBox
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.local_tools import OpenSink
from tests.fixtures.messages import a_message, a_route

TOPICS = (
    *(name(lane) for name in (cleared, due) for lane in Lane),
    *(dead_letters(cleared(lane)) for lane in Lane),
    EVENTS,
    COMMANDS,
    SUPPRESSION_CHANGES,
    CONFIG_CHANGES,
)
QUICK = {
    "retry_delays": [0.3],
    "greylist_delays": [0.4],
    "ambiguous_delays": [0.3],
    "retry_jitter": 0,
    "allow_private_targets": True,
    "lease_seconds": 3,
    "release_wait_seconds": 30,
}


@dataclass
class World:
    """What the sender meets: messages that were cleared for it, and what it says of them."""

    deployment: Deployment
    sink: OpenSink
    public_key: str

    @classmethod
    async def create(cls, deployment: Deployment, sink: OpenSink) -> World:
        await deployment.prepare("sender", topics=TOPICS)
        private, public = generate_key(1024)
        box = SecretBox(deployment.shared.encryption_key_bytes)
        key = {"selector": "ph1", "public_key": public, "private_key": box.seal(private.encode(), "dkim:d1")}
        world = cls(deployment, sink, public)
        await world.know(
            Kind.DOMAIN, "d1", {"name": "acme.example", "verified": True, "active": "ph1", "keys": [key]}, "w1"
        )
        await world.know(
            Kind.DOMAIN, "d2", {"name": "acme.example", "verified": True, "active": "ph1", "keys": [
                key | {"private_key": box.seal(private.encode(), "dkim:d2")}]}, "w2",
        )  # fmt: skip
        await world.know(Kind.TRANSPORT, "direct", {"name": "direct", "kind": "direct", "max_connections": 10})
        return world

    async def know(
        self, kind: Kind, id_: str, data: dict[str, Any], workspace: str | None = None, version: int = 1
    ) -> None:
        """Has the sender's copy of an entity at a version."""
        change = EntityChange(
            kind=kind, id=id_, workspace_id=workspace, version=version, changed_at=datetime.now(UTC), data=data
        )
        await Entities(self.deployment.database("sender")).apply([change])

    async def content(self, subject: str = "Your code", workspace: str = "w1") -> str:
        content = Content(
            content_id=uuid7(),
            workspace_id=workspace,
            from_="Acme <no-reply@acme.example>",
            to=["someone@sink.test"],
            subject=subject,
            html="<p>Your code is 482910</p>",
            text="Your code is 482910",
            expires_at=datetime.now(UTC) + timedelta(days=9),
        )
        await self.deployment.database("content")[COLLECTION].insert_one(to_document(content))
        return content.content_id

    async def message(self, recipient: str = "ok@sink.test", **changes: Any) -> Message:
        """A message that was routed to the sink and cleared."""
        now = datetime.now(UTC)
        workspace = changes.get("workspace_id", "w1")
        verdict = Verdict(kind=VerdictKind.SEND, by="suppression", checked_at=now)
        fields: dict[str, Any] = {
            "recipient": recipient,
            "accepted_at": now,
            "workspace_id": workspace,
            "sender": "no-reply@acme.example",
            "content_id": changes.get("content_id") or await self.content(workspace=workspace),
            "versions": Versions(workspace=1, domain=1, transport=1),
            "seen": Seen(accepted=now, routed=now, checked=now),
            "route": self.route(),
            "verdict": verdict,
        }
        return a_message(**{**fields, **changes})

    def route(self, port: int | None = None, **changes: Any) -> Route:
        return a_route(**{"hosts": [Host(name="127.0.0.1", port=port or self.sink.port)], **changes})

    async def clear(self, *messages: Message) -> None:
        """Publishes messages to `mail.cleared.*`, as the suppression service does."""
        for lane in {message.lane for message in messages}:
            records = [(one.message_id, one.encode(), {}) for one in messages if one.lane is lane]
            await self.deployment.publish(cleared(lane), records)

    async def change(self, change: SuppressionChange) -> None:
        await self.deployment.publish(SUPPRESSION_CHANGES, [(change.address_hmac, change.encode(), {})])

    async def command(self, command: Command) -> None:
        await self.deployment.publish(COMMANDS, [(command.message.message_id, command.encode(), {})])

    @asynccontextmanager
    async def sender(self, **overrides: Any) -> AsyncIterator[None]:
        service = create_app(self.deployment.settings(Settings, **{**QUICK, **overrides}), {"deliver"})
        async with service.run():
            yield

    async def events(self, message: Message, *types: str, seconds: float = 20) -> list[Event]:
        """The distinct events of a message in their order, once one of each of `types` is there."""

        async def there() -> list[Event]:
            seen: dict[str, Event] = {}
            for record in await self.deployment.records(EVENTS):
                event = Event.decode(record.value)
                if event.message_id == message.message_id:
                    seen.setdefault(event.event_id, event)
            found = sorted(seen.values(), key=lambda event: event.sequence)
            return found if {*types} <= {str(event.type) for event in found} else []

        return await eventually(there, seconds=seconds, what=f"{types} of {message.recipient}")

    async def returned(self, lane: Lane = Lane.STANDARD, at_least: int = 1) -> list[Message]:
        """What was released towards the router."""
        return [Message.decode(record.value) for record in await self.deployment.records(due(lane), at_least)]

    async def delivery(self, message: Message) -> dict[str, Any]:
        document = await self.deployment.database("sender")["deliveries"].find_one({"_id": message.message_id})
        return dict(document or {})

    async def at_sink(self, recipient: str) -> list[dict[str, Any]]:
        return list((await self.sink.http.get("/messages", params={"recipient": recipient})).json())

    async def attempts_at_sink(self, recipient: str) -> int:
        counts = (await self.sink.http.get("/counts", params={"recipient": recipient})).json()
        return int(counts["attempts"].get(recipient.lower(), 0))
