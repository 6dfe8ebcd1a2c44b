"""Mail that was accepted for a router which does not run yet: its configuration, and records on
`mail.accepted.standard`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.router.routes.model import RuleSet
from services.router.store.rule_sets import id_of
from shared.contracts.entities import EntityChange, Kind
from shared.contracts.messages import Message, RecipientType, Seen, Versions
from shared.contracts.topics import Lane, Stream, Topic, accepted, all_topics, routed
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo.client import make_client, open_database
from shared.mongo.entities import Entities
from shared.settings import SharedSettings
from shared.tokens import uuid7
from tests.bench.pacing import turns
from tests.bench.percentiles import Percentiles
from tests.fixtures.settings import settings_of

PUBLISH_SECONDS = 60
POLL_SECONDS = 0.01
WORKSPACES = tuple(f"w{number}" for number in range(10))
DOMAINS = tuple(f"domain{number}.sample" for number in range(200))
TAGS = ("receipt", "invoice", "newsletter", "welcome", "shipped")
SMART_HOSTS = ("relay-a", "relay-b", "relay-c")


class Accepted:
    """What a stack's router finds: mail of ten workspaces in turn, to 200 domains, by 20 rules for each of them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._settings = settings_of(environ)

    def configure(self) -> None:
        """Gives the router workspaces, smart hosts, five rules of the platform's and fifteen of each workspace."""
        asyncio.run(self._configure())

    def fill(self, messages: int, rate: float | None = None) -> None:
        """Puts so many messages before the router, at once or so many a second."""
        asyncio.run(self._fill(messages, rate))

    def routed(self) -> int:
        """How many records stand behind the router."""
        return asyncio.run(self._ends())

    def until_routed(self, count: int, seconds: float) -> tuple[int, float]:
        """Waits until so many records stand behind the router; returns how many there are, and when that was."""
        return asyncio.run(self._until_routed(count, seconds))

    def paced(self, messages: int, rate: int) -> Percentiles:
        """Publishes at a steady rate; how long the last so many records took from their topic to the router's."""
        return asyncio.run(self._paced(messages, rate))

    async def _configure(self) -> None:
        client = make_client(self._settings)
        entities = Entities(open_database(client, self._settings.database("router")))
        host = {"name": "Relay", "kind": "smarthost", "port": 2525}
        changes = [
            _change(Kind.WORKSPACE, each, {"name": each, "owner_email": "o@w.example"}, each) for each in WORKSPACES
        ]
        changes += [_change(Kind.TRANSPORT, each, {**host, "host": f"{each}.example"}) for each in SMART_HOSTS]
        changes.append(_change(Kind.ROUTE, id_of(None), platform_rules().to_data()))
        changes += [_change(Kind.ROUTE, each, workspace_rules().to_data(), each) for each in WORKSPACES]
        await entities.apply(changes)
        client.close()

    async def _fill(self, messages: int, rate: float | None = None) -> None:
        publisher = Publisher(self._settings, "bench", PUBLISH_SECONDS)
        async for numbers in turns(messages, rate):
            await publisher.publish([_record(number) for number in numbers])
        await publisher.close()

    async def _paced(self, messages: int, rate: int) -> Percentiles:
        before = await self._ends()
        await self._fill(messages, rate)
        await self._until_routed(before + messages, PUBLISH_SECONDS)
        return Percentiles.of(await self._took(messages))

    async def _took(self, messages: int) -> list[float]:
        """Seconds from the time of a message's record on the accepted topic to that of its record on the routed one."""
        took: list[tuple[int, float]] = []
        async with self._reader() as (consumer, partitions):
            ends = await consumer.end_offsets(partitions)
            for partition, begin in (await consumer.beginning_offsets(partitions)).items():
                consumer.seek(partition, begin)
            while any([await consumer.position(each) < ends[each] for each in partitions]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        published = Message.decode(record.value or b"").seen.published
                        assert published is not None
                        took.append((record.timestamp, record.timestamp / 1000 - published.timestamp()))
        return [seconds for _, seconds in sorted(took)[-messages:]]

    async def _until_routed(self, count: int, seconds: float) -> tuple[int, float]:
        end = time.monotonic() + seconds
        async with self._reader() as (consumer, partitions):
            while True:
                there = sum((await consumer.end_offsets(partitions)).values())
                if there >= count:
                    return there, time.monotonic()
                assert time.monotonic() < end, f"only {there} of {count} messages were routed"
                await asyncio.sleep(POLL_SECONDS)

    async def _ends(self) -> int:
        async with self._reader() as (consumer, partitions):
            return sum((await consumer.end_offsets(partitions)).values())

    def _reader(self) -> _Reader:
        return _Reader(self._settings, routed(Lane.STANDARD))


class _Reader:
    """A consumer of a whole topic, without a group."""

    def __init__(self, settings: SharedSettings, topic: str) -> None:
        name, known = settings.topic(topic), {each.name: each for each in all_topics(settings.topic_partitions)}
        count = known.get(topic, Topic(topic)).partitions
        self._partitions = [TopicPartition(name, number) for number in range(count)]
        self._consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap, enable_auto_commit=False)

    async def __aenter__(self) -> tuple[AIOKafkaConsumer, list[TopicPartition]]:
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        return self._consumer, self._partitions

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()


def platform_rules() -> RuleSet:
    """Five: two that hardly any message meets, one by rollup, a lane, a late retry."""
    rules: list[dict[str, Any]] = [
        {"id": "embargo", "when": {"recipient_domains": ["*.embargo.example"]}, "reject": {"reason": "embargo"}},
        {"id": "moved", "when": {"recipient_domains": ["moved.example"]}, "hold": {"reason": "they move"}},
        {"id": "mimecast", "when": {"rollups": ["mimecast"]}, "route": [[{"transport": "relay-a"}]]},
        {"id": "codes", "when": {"tags": ["code"]}, "lane": "standard"},
        {"id": "old", "when": {"attempt": {"at_least": 8}}, "route": [[{"transport": "relay-b"}]]},
    ]
    return RuleSet.model_validate({"transports": ["direct", "relay-a"], "rules": rules})


def workspace_rules() -> RuleSet:
    """Fifteen, by one to three conditions each; about a third of the mail meets one of them."""
    pool = [[{"transport": "direct", "weight": 3}, {"transport": "relay-a"}], [{"transport": "relay-b"}]]
    rules: list[dict[str, Any]] = [
        {"id": f"partner-{number}", "when": {"recipient_domains": [f"domain{number}.sample", f"*.p{number}.sample"]},
         "route": [[{"transport": SMART_HOSTS[number % 3]}], [{"transport": "direct"}]]}
        for number in range(8)
    ]  # fmt: skip
    rules += [
        {"id": f"large-{tag}", "when": {"tags": [tag], "size": {"at_least": 5_000_000}}, "route": pool} for tag in TAGS
    ]
    rules.append({"id": "google", "when": {"rollups": ["google"], "streams": ["product"]}, "route": pool})
    rules.append({"id": "bulk", "when": {"tags": ["newsletter"], "sender_domains": ["shop.example"]}, "route": pool})
    return RuleSet.model_validate({"transports": ["direct", "relay-c"], "rules": rules})


def _record(number: int) -> Outgoing:
    now, id_ = datetime.now(UTC), uuid7()
    message = Message(
        message_id=id_,
        submission_id=uuid7(),
        workspace_id=WORKSPACES[number % len(WORKSPACES)],
        lane=Lane.STANDARD,
        stream=Stream.PRODUCT,
        recipient=f"to+{id_}@{DOMAINS[number % len(DOMAINS)]}",
        recipient_type=RecipientType.TO,
        sender="no-reply@shop.example",
        content_id=uuid7(),
        size=2048,
        tags=[TAGS[number % len(TAGS)]],
        metadata={"order": str(number)},
        accepted_at=now,
        expires_at=now + timedelta(hours=48),
        versions=Versions(workspace=1, domain=1),
        seen=Seen(accepted=now),
    )
    return Outgoing(accepted(Lane.STANDARD), id_, message.encode())


def _change(kind: Kind, id_: str, data: Mapping[str, Any], workspace: str | None = None) -> EntityChange:
    now = datetime.now(UTC)
    return EntityChange(kind=kind, id=id_, workspace_id=workspace, version=1, changed_at=now, data=dict(data))


def mail_hosts() -> Sequence[tuple[str, str]]:
    """Each domain with its MX record: a quarter of them are Google's."""
    return [
        (domain, f"10 aspmx{number}.l.google.com." if number % 4 == 0 else f"10 mx.{domain}.")
        for number, domain in enumerate(DOMAINS)
    ]
