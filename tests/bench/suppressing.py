"""A stack's suppression service alone: a list of addresses before it, and messages that were routed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import MongoClient

from shared.contracts.entities import EntityChange, Kind
from shared.contracts.messages import (
    Candidate,
    Host,
    Message,
    RecipientType,
    Route,
    Seen,
    TlsMode,
    VerdictKind,
    Versions,
)
from shared.contracts.topics import Lane, Stream, cleared, routed
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo.client import make_client, open_database
from shared.mongo.entities import Entities
from shared.secrets import api_key_digest
from shared.tokens import new_api_key, uuid7
from tests.bench.pacing import turns
from tests.fixtures.settings import settings_of

WORKSPACE, DOMAIN = "w1", "shop.example"
BATCH = 1000
PUBLISH_SECONDS = 60
Ends = dict[TopicPartition, int]
CACHE = "3G"
EVERY = 20  # one message in so many goes to an address of the list


@dataclass(frozen=True)
class Passed:
    """What passed, by when Kafka was given it: from the first record to the last, and how late each one came."""

    messages: int
    stopped: int
    seconds: float
    late: list[float]


def listed(number: int) -> str:
    return f"listed-{number}@domain-{number % 5000}.example"


def rows(entries: int, at_once: int = BATCH) -> Iterator[bytes]:
    """The list as a file, in pieces."""
    yield b"email,type,reason\n"
    for begin in range(0, entries, at_once):
        numbers = range(begin, min(begin + at_once, entries))
        yield "".join(f"{listed(number)},bounce,moved here\n" for number in numbers).encode()


class Suppressing:
    """`entries` are in the list once `fill` has returned."""

    def __init__(self, environ: Mapping[str, str], url: str) -> None:
        self._settings = settings_of(environ)
        self._key = new_api_key()
        client: MongoClient[dict[str, Any]] = MongoClient(environ["POSTHORN_MONGO_URL"], tz_aware=True)
        self._admin = client.admin
        self.collection = client[self._settings.database("suppression")]["suppressions"]
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {self._key}"}, timeout=3600)

    def configure(self) -> None:
        """Gives the service a workspace with a key, and MongoDB the memory that a million entries and their indexes
        take: a stack's own half a gigabyte is for a laptop."""
        self._admin.command({"setParameter": 1, "wiredTigerEngineRuntimeConfig": f"cache_size={CACHE}"})
        digest = api_key_digest(self._settings.pepper_bytes, self._key)
        key = {"name": "bench", "digest": digest, "prefix": self._key[:12], "scopes": ["suppressions"]}
        workspace = {"name": "Shop", "owner_email": f"owner@{DOMAIN}"}
        now = datetime.now(UTC)
        asyncio.run(
            self._know(
                EntityChange(kind=kind, id=id_, workspace_id=WORKSPACE, version=1, changed_at=now, data=data)
                for kind, id_, data in ((Kind.WORKSPACE, WORKSPACE, workspace), (Kind.API_KEY, "k1", key))
            )
        )

    def fill(self, entries: int) -> float:
        """Imports so many addresses as one file; returns how many seconds it took."""
        began = time.monotonic()
        reply = self.http.post("/v1/suppressions/import", content=rows(entries), headers={"Content-Type": "text/csv"})
        seconds = time.monotonic() - began
        assert reply.json()["data"]["added"] == entries, reply.text
        return seconds

    def size(self) -> dict[str, float]:
        """MiB of the documents, as MongoDB holds and as it stores them, and of all indexes."""
        stats = self.collection.database.command("collstats", self.collection.name)
        parts = {"documents": "size", "stored": "storageSize", "indexes": "totalIndexSize"}
        return {name: round(stats[of] / 2**20, 1) for name, of in parts.items()}

    def unpublished(self) -> int:
        return self.collection.count_documents({"unpublished.since": {"$exists": True}}, limit=1)

    def check(self, emails: list[str]) -> float:
        """Checks addresses in one request; returns how many seconds it took."""
        began = time.monotonic()
        body = {"emails": emails, "from": f"no-reply@{DOMAIN}", "stream": "product"}
        self.http.post("/v1/suppressions/check", json=body).raise_for_status()
        return time.monotonic() - began

    def route(self, messages: int, entries: int, rate: float | None = None) -> None:
        """Puts so many messages before the service, at once or so many a second."""
        asyncio.run(self._route(messages, entries, rate))

    def ends(self) -> Ends:
        """Where what has passed ends now."""
        return asyncio.run(self._ends())

    def passed_since(self, begin: Ends) -> Passed:
        """What has passed from there on."""
        return asyncio.run(self._passed_since(begin))

    async def _know(self, changes: Iterator[EntityChange]) -> None:
        client = make_client(self._settings)
        await Entities(open_database(client, self._settings.database("suppression"))).apply(list(changes))
        client.close()

    async def _route(self, messages: int, entries: int, rate: float | None) -> None:
        publisher, topic = Publisher(self._settings, "bench", PUBLISH_SECONDS), routed(Lane.STANDARD)
        async for numbers in turns(messages, rate):
            made = [a_message(number, entries) for number in numbers]
            await publisher.publish([Outgoing(topic, each.message_id, each.encode()) for each in made])
        await publisher.close()

    async def _ends(self) -> Ends:
        async with self._consumer() as consumer:
            return dict(await consumer.end_offsets(self._partitions(consumer)))

    async def _passed_since(self, begin: Ends) -> Passed:
        async with self._consumer() as consumer:
            ends = await consumer.end_offsets(list(begin))
            consumer.assign(list(begin))
            for partition, offset in begin.items():
                consumer.seek(partition, offset)
            times, late, stopped = [], [], 0
            for _ in range(sum(ends.values()) - sum(begin.values())):
                record = await consumer.getone()
                message = Message.decode(record.value)
                times.append(record.timestamp / 1000)
                late.append(record.timestamp / 1000 - message.accepted_at.timestamp())
                stopped += message.verdict is not None and message.verdict.kind is VerdictKind.SUPPRESSED
        return Passed(len(times), stopped, max(times) - min(times), late)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._settings.kafka_bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        topic = self._settings.topic(cleared(Lane.STANDARD))
        return [TopicPartition(topic, number) for number in range(self._settings.topic_partitions)]


def a_message(number: int, entries: int) -> Message:
    """Of the size of a routed message; one in so many goes to an address of the list."""
    now, id_ = datetime.now(UTC), uuid7()
    route = Route(
        transport="direct",
        transport_version=1,
        kind="direct",
        hosts=[Host(name="mx.sink.test", port=25)],
        tls=TlsMode.OPPORTUNISTIC,
        rollup="static:*.test",
        rule="default",
        rule_version=0,
        candidates=[Candidate(transport="direct", name="direct", kind="direct", score=1.0)],
        inputs={"stream": "product", "domain": "sink.test"},
        decided_at=now,
    )
    return Message(
        message_id=id_,
        submission_id=uuid7(),
        workspace_id=WORKSPACE,
        lane=Lane.STANDARD,
        stream=Stream.PRODUCT,
        recipient=listed(number * 7919 % entries) if number % EVERY == 0 else f"to+{id_}@sink.test",
        recipient_type=RecipientType.TO,
        sender=f"no-reply@{DOMAIN}",
        content_id=uuid7(),
        size=2000,
        accepted_at=now,
        expires_at=now + timedelta(hours=48),
        versions=Versions(workspace=1, domain=1, transport=1),
        seen=Seen(accepted=now, routed=now),
        route=route,
    )
