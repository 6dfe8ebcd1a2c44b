"""Mail that was cleared for a sender which does not run yet: records on `mail.cleared.standard`, their contents where
it loads them from, and its copy of the configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.content import COLLECTION, Content, to_document
from shared.contracts.entities import EntityChange, Kind
from shared.contracts.messages import Host, Message, RecipientType, Route, Seen, TlsMode, Verdict, VerdictKind, Versions
from shared.contracts.topics import Lane, Stream, cleared
from shared.dkim_keys import generate_key
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo.client import make_client, open_database
from shared.mongo.entities import Entities
from shared.secrets import SecretBox
from shared.tokens import uuid7
from tests.bench.pacing import turns
from tests.bench.workspace import TEXT
from tests.fixtures.settings import settings_of

BATCH = 1000
PUBLISH_SECONDS = 60
TRANSPORT, DOMAIN = "direct", "shop.example"
SENDER = f"no-reply@{DOMAIN}"
WORKSPACES = tuple(f"w{number}" for number in range(10))


class Cleared:
    """What a stack's sender finds: mail of ten workspaces in turn, as one alone is never given all of a destination.

    All of it goes to `port` of this machine by one destination, whose limit `allow` sets.
    """

    def __init__(self, environ: Mapping[str, str], port: int) -> None:
        self._settings = settings_of(environ)
        self._port = port
        self._version = 0

    def configure(self) -> None:
        """Gives the sender each workspace's domain, with a DKIM key of 2048 bits."""
        box = SecretBox(self._settings.encryption_key_bytes)
        domains = []
        for workspace in WORKSPACES:
            private, public = generate_key()
            id_ = f"domain-of-{workspace}"
            key = {"selector": "ph1", "public_key": public, "private_key": box.seal(private.encode(), f"dkim:{id_}")}
            data = {"name": DOMAIN, "verified": True, "active": "ph1", "keys": [key]}
            domains.append(_change(Kind.DOMAIN, id_, data, workspace))
        asyncio.run(self._know(domains))

    def allow(self, connections: int) -> None:
        """Gives the sender the transport, and sets how many connections the destination allows from now on."""
        self._version += 1
        data = {"name": TRANSPORT, "kind": "direct", "max_connections": connections}
        asyncio.run(self._know([_change(Kind.TRANSPORT, TRANSPORT, data, None, self._version)]))

    def fill(self, messages: int, rate: float | None = None) -> None:
        """Puts so many messages before the sender, each to a recipient of its own, at once or so many a second."""
        asyncio.run(self._fill(messages, rate))

    def unfinished(self) -> int:
        """How many deliveries have not ended, or their events are not published yet."""
        return asyncio.run(self._unfinished())

    async def _know(self, changes: Sequence[EntityChange]) -> None:
        client = make_client(self._settings)
        await Entities(open_database(client, self._settings.database("sender"))).apply(changes)
        client.close()

    async def _fill(self, messages: int, rate: float | None) -> None:
        client, publisher = make_client(self._settings), Publisher(self._settings, "bench", PUBLISH_SECONDS)
        contents = open_database(client, self._settings.database("content"))[COLLECTION]
        async for numbers in turns(messages, rate):
            made = [self._made(number) for number in numbers]
            await contents.insert_many([to_document(content) for _, content in made])
            topic = cleared(Lane.STANDARD)
            await publisher.publish([Outgoing(topic, one.message_id, one.encode()) for one, _ in made])
        await publisher.close()
        client.close()

    async def _unfinished(self) -> int:
        client = make_client(self._settings)
        deliveries = open_database(client, self._settings.database("sender"))["deliveries"]
        open_ = {"state": {"$in": ["waiting", "deferred", "released", "held"]}, "lane": Lane.STANDARD.value}
        conditions = (open_, {"lease.until": {"$exists": True}}, {"unpublished.since": {"$exists": True}})
        counts = [await deliveries.count_documents(condition) for condition in conditions]
        client.close()
        return sum(counts)

    def _made(self, number: int) -> tuple[Message, Content]:
        now, id_, workspace = datetime.now(UTC), uuid7(), WORKSPACES[number % len(WORKSPACES)]
        recipient = f"to+{id_}@sink.test"
        content = Content(
            content_id=uuid7(),
            workspace_id=workspace,
            from_=SENDER,
            to=[recipient],
            subject="Your order",
            text=TEXT,
            expires_at=now + timedelta(days=9),
        )
        route = Route(
            transport=TRANSPORT,
            transport_version=1,
            kind="direct",
            hosts=[Host(name="127.0.0.1", port=self._port)],
            tls=TlsMode.OPPORTUNISTIC,
            rollup="static:*.test",
            rule="default",
            rule_version=0,
            candidates=[],
            decided_at=now,
        )
        message = Message(
            message_id=id_,
            submission_id=uuid7(),
            workspace_id=workspace,
            lane=Lane.STANDARD,
            stream=Stream.PRODUCT,
            recipient=recipient,
            recipient_type=RecipientType.TO,
            sender=SENDER,
            content_id=content.content_id,
            size=len(TEXT) + len(content.subject),
            accepted_at=now,
            expires_at=now + timedelta(hours=48),
            versions=Versions(workspace=1, domain=1, transport=1),
            seen=Seen(accepted=now, routed=now, checked=now),
            route=route,
            verdict=Verdict(kind=VerdictKind.SEND, by="suppression", checked_at=now),
        )
        return message, content


def _change(
    kind: Kind, id_: str, data: Mapping[str, Any], workspace: str | None = None, version: int = 1
) -> EntityChange:
    now = datetime.now(UTC)
    return EntityChange(kind=kind, id=id_, workspace_id=workspace, version=version, changed_at=now, data=dict(data))
