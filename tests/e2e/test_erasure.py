"""A person erased on a running stack: no database and no log names them any more, and nothing brings them back."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from motor.motor_asyncio import AsyncIOMotorClient

from deploy.local.stack import Stack
from shared.contracts.topics import all_topics
from shared.kafka.reading import read_topics
from shared.settings import SharedSettings
from tests.e2e.account import Account
from tests.fixtures.deployment import eventually
from tests.fixtures.grep import spellings, stored_with
from tests.fixtures.settings import settings_of

LATER = timedelta(seconds=40)
OURS = ("ingest", "router", "suppression", "sender", "webhooks", "http", "smtp")


@dataclass(frozen=True)
class Person:
    """Three addresses of one person, for what the sink does to each, and a name that nobody else has."""

    ok: str
    deferring: str
    bouncing: str
    name: str
    spelled: Collection[bytes]

    @classmethod
    def fresh(cls) -> Person:
        tag = f"ann-{secrets.token_hex(4)}"
        addresses = [f"{behaviour}+{tag}@sink.test" for behaviour in ("ok", "tempfail", "permfail")]
        name = f"Ann Q{secrets.token_hex(4)}"
        return cls(*addresses, name, spellings(tag, name, *addresses))

    @property
    def addresses(self) -> tuple[str, ...]:
        return self.ok, self.deferring, self.bouncing


async def mail_of(account: Account, person: Person) -> tuple[str, str, str]:
    """Delivered, deferred, bounced and scheduled mail, a contact, webhooks and a suppression; the ids of the deferred
    and the scheduled message, and of the one to somebody else in the same request."""
    await account.hook("email.accepted", "email.delivered", "email.deferred", "email.bounced", "email.canceled")
    await account.make("/v1/contacts", attributes={"email": person.ok, "first_name": person.name}, subscribed=True)
    named: dict[str, Any] = {"subject": f"For {person.name}", "metadata": {"name": person.name}, "text": person.name}
    (delivered,) = await account.send(f"{person.name} <{person.ok}>", **named)
    (deferred,) = await account.send(person.deferring, **named)
    (bounced,) = await account.send(person.bouncing, **named)
    other = f"ok+bob-{secrets.token_hex(4)}@sink.test"
    due = (datetime.now(UTC) + LATER).isoformat()
    scheduled, others = await account.send(person.ok, other, scheduled_at=due, headers={"Idempotency-Key": person.ok})
    await account.reaches(delivered, "delivered")
    await account.reaches(deferred, "deferred")
    await account.reaches(bounced, "bounced")

    async def suppressed() -> bool:
        return (await account.http.get(f"/v1/suppressions/{person.bouncing}")).status_code == 200

    await eventually(suppressed, what="the suppression")
    return deferred, scheduled, others


async def erased(account: Account, person: Person) -> list[dict[str, Any]]:
    """The certificates, once every service has confirmed."""
    asked = [await account.http.post("/v1/erasures", json={"email": address}) for address in person.addresses]
    assert [reply.status_code for reply in asked] == [202] * 3

    async def redacted() -> list[dict[str, Any]] | None:
        found = [await account.get(f"/v1/erasures/{reply.json()['id']}") for reply in asked]
        return found if {each["state"] for each in found} == {"redacted"} else None

    found = await eventually(redacted, seconds=90, what="the erasures")
    assert found is not None
    return found


async def left_of(stack: Stack, person: Person) -> list[str]:
    """Where the person is named: every collection of every database of this stack, and every log of a service."""
    client: AsyncIOMotorClient = AsyncIOMotorClient(stack.env["POSTHORN_MONGO_URL"])
    try:
        found = await stored_with(client, stack.env["POSTHORN_DB_PREFIX"], person.spelled)
    finally:
        client.close()
    logs = [log for log in sorted((stack.home / "logs").iterdir()) if log.name.startswith(OURS)]
    told = []
    for log in logs:
        text = log.read_bytes().lower()
        told += [f"{log.name}: {each!r}" for each in person.spelled if each in text]
    print(f"searched {len(logs)} logs: found {len(told)} times")
    return found + told


def posthorn(stack: Stack, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("posthorn")), *arguments]
    return subprocess.run(command, env=stack.env, capture_output=True, text=True, check=True, timeout=120).stdout


async def test_nothing_names_an_erased_person_and_nothing_brings_them_back(stack: Stack, account: Account) -> None:
    person = Person.fresh()
    deferred, scheduled, others = await mail_of(account, person)
    exported = posthorn(stack, "people", "--key", account.home["api_key"], "export", person.bouncing)
    assert all(part in exported for part in ('"suppressions"', '"deliveries"', '"webhooks"', "550", person.name))
    assert await left_of(stack, person)

    certificates = await erased(account, person)
    did = {each["service"]: each["counts"] for each in certificates[0]["services"]}
    assert (did["ingest"]["contacts"], did["ingest"]["messages"]) == (1, 2)
    assert certificates[1]["services"][3]["counts"]["deliveries"] == 1
    assert all(each["topics_until"] > each["redacted_at"] for each in certificates)
    await account.reaches(scheduled, "canceled")
    await account.reaches(deferred, "canceled", "suppressed")  # where its retry was being checked just then
    # the other recipient's mail, which shows who else it went to, arrives and takes that with it
    await account.reaches(others, "delivered", seconds=90)
    assert await account.deliveries_to(person.ok) == 1

    async def nobody() -> bool:
        return not await left_of(stack, person)

    await eventually(nobody, seconds=30, every=1, what="nothing of the person")
    posthorn(stack, "rebuild")
    assert await left_of(stack, person) == []

    entry = await account.get(f"/v1/suppressions/{person.ok}")
    assert (entry["data"]["type"], entry["data"]["email"]) == ("erasure", None)
    (again,) = await account.send(person.ok)
    await account.reaches(again, "suppressed")
    assert await account.deliveries_to(person.ok) == 1


@pytest.mark.verify
@pytest.mark.timeout(1200)
async def test_the_topics_name_nobody_once_their_retention_is_over(stack: Stack, account: Account) -> None:
    """With the retention at a second; the broker looks every five minutes."""
    person = Person.fresh()
    await mail_of(account, person)
    await erased(account, person)
    settings = settings_of(stack.env)
    kept = {topic.name: topic.retention_ms for topic in all_topics()}

    async def told() -> list[str]:
        found, records = [], 0
        async for batch in read_topics(settings, list(kept)):
            records += len(batch)
            raws = [(record.topic, ((record.key or b"") + (record.value or b"")).lower()) for record in batch]
            found += [topic for topic, raw in raws for each in person.spelled if each in raw]
        print(f"searched {records} records of {len(kept)} topics: found {dict(Counter(found))}")
        return found

    assert await told()
    await retain(settings, {name: 1000 for name, old in kept.items() if old is not None})
    try:
        await eventually(lambda: _none(told), seconds=900, every=10, what="the topics to forget the person")
    finally:
        await retain(settings, {name: old for name, old in kept.items() if old is not None})


async def _none(told: Any) -> bool:
    return not await told()


async def retain(settings: SharedSettings, kept: Mapping[str, int]) -> None:
    """Has topics keep their records for so many milliseconds."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    try:
        topics = [
            ConfigResource(
                ConfigResourceType.TOPIC,
                settings.topic(name),
                configs={"retention.ms": str(time), "segment.ms": str(min(time, 12 * 3600 * 1000))},
            )
            for name, time in kept.items()
        ]
        await admin.alter_configs(topics)
    finally:
        await admin.close()
