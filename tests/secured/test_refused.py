"""Where a user's rights end, by real attempts: each service at what is another's, and whoever comes without TLS, with a
wrong authority or a wrong password."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from pymongo.errors import OperationFailure

from deploy.local.stack import Stack
from services.access.rights import Rights, rights_of
from services.roles import SERVICES
from shared.content import CHUNKS, COLLECTION
from shared.contracts.topics import all_topics
from shared.kafka.security import client_arguments
from tests.secured.certificates import Authority
from tests.secured.world import PREFIX, World

TOPICS = [topic.name for topic in all_topics()]
UNAUTHORIZED = 13
AT_ONCE = 8  # attempts; each has a client of its own


@pytest.fixture(autouse=True)
def provoked(world: World, stack: Stack) -> Iterator[None]:
    """What a test here has the servers refuse is meant."""
    yield
    world.note_denials()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_refused_at_every_other_database(world: World, service: str) -> None:
    user = f"posthorn-{service}"
    with world.mongo.client(username=user, password=(world.passwords / user).read_text()) as client:
        own = client[f"{PREFIX}{service}"]["probe"]
        own.insert_one({"_id": 1})
        assert own.delete_one({"_id": 1}).deleted_count == 1
        for other in (*SERVICES, "content", "somebody_else"):
            if other == service or (other == "content" and service in ("ingest", "sender")):
                continue
            database = client[f"{PREFIX}{other}" if other != "somebody_else" else other]
            for name in ("workspaces", COLLECTION, CHUNKS):
                for attempt in (
                    lambda at: at.find_one({}),
                    lambda at: at.insert_one({}),
                    lambda at: at.update_one({}, {"$set": {"a": 1}}),
                    lambda at: at.delete_one({"_id": "nobody"}),
                ):
                    with pytest.raises(OperationFailure) as refused:
                        attempt(database[name])
                    assert refused.value.code == UNAUTHORIZED
        for forbidden in (lambda: own.create_index("a"), own.drop, lambda: client.admin.command("usersInfo", 1)):
            with pytest.raises(OperationFailure) as refused:
                forbidden()
            assert refused.value.code == UNAUTHORIZED
    assert world.note_denials()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_is_refused_at_every_topic_that_is_not_its_own(world: World, service: str) -> None:
    rights, settings = rights_of([service]), world.settings(f"posthorn-{service}")
    arguments, gate = client_arguments(settings), asyncio.Semaphore(AT_ONCE)

    async def write(topic: str) -> None:
        async with gate, AIOKafkaProducer(**arguments) as producer:
            with pytest.raises(TopicAuthorizationFailedError):
                await producer.send_and_wait(settings.topic(topic), b"{}")

    async def read(topic: str) -> None:
        name = settings.topic(topic)
        consumer = AIOKafkaConsumer(name, **arguments, enable_auto_commit=False, auto_offset_reset="earliest")
        async with gate:
            try:
                with pytest.raises(TopicAuthorizationFailedError):
                    await _read_from(consumer)
            finally:
                await consumer.stop()

    forbidden = [*(write(topic) for topic in TOPICS if topic not in rights.produces)]
    forbidden += [read(topic) for topic in TOPICS if topic not in _read(rights)]
    assert len(forbidden) > len(TOPICS)
    await asyncio.gather(*forbidden)
    assert world.note_denials()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_cannot_join_the_groups_of_another(world: World, service: str) -> None:
    rights, settings = rights_of([service]), world.settings(f"posthorn-{service}")
    topic = settings.topic(next(iter(sorted(_read(rights)))))
    for other in SERVICES:
        if other == service:
            continue
        group = settings.group(next(iter(sorted(rights_of([other]).consumes))))
        consumer = AIOKafkaConsumer(topic, **client_arguments(settings), group_id=group)
        try:
            with pytest.raises(GroupAuthorizationFailedError):
                await _read_from(consumer)
        finally:
            await consumer.stop()


def test_without_tls_with_a_wrong_authority_or_password_commands_say_what_is_wrong(
    world: World, stack: Stack, tmp_path: Path
) -> None:
    stranger = str(Authority(tmp_path / "stranger").ca_file)
    nobody = {"POSTHORN_KAFKA_USERNAME": "", "POSTHORN_KAFKA_PASSWORD": "", "POSTHORN_KAFKA_CA_FILE": ""}
    wrong = "not-the-password"
    kafka, mongo = ("dlq", "list"), ("indexes",)
    cases = [
        (kafka, {**nobody, "POSTHORN_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "Kafka does not answer as it should"),
        (kafka, {"POSTHORN_KAFKA_CA_FILE": stranger}, "certificate verify failed"),
        (kafka, {"POSTHORN_KAFKA_PASSWORD": wrong}, "uthentication failed"),
        (mongo, {"POSTHORN_MONGO_CA_FILE": ""}, "MongoDB does not answer as it should"),
        (mongo, {"POSTHORN_MONGO_CA_FILE": stranger}, "certificate verify failed"),
        (mongo, {"POSTHORN_MONGO_PASSWORD": wrong}, "Authentication failed"),
        (mongo, {"POSTHORN_MONGO_USERNAME": "", "POSTHORN_MONGO_PASSWORD": ""}, "requires authentication"),
    ]
    for command, changed, said in cases:
        environ = {name: text for name, text in {**os.environ, **stack.env, **changed}.items() if text}
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", *command],
            env={**environ, "POSTHORN_HOME": str(tmp_path)}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 1, (command, changed, done)
        assert said in done.stderr, (command, changed, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr
        assert wrong not in done.stderr


def test_no_password_stands_in_a_log(world: World, stack: Stack) -> None:
    passwords = [file.read_text() for file in world.passwords.iterdir()]
    logs = [file.read_text(errors="replace") for file in (world.home / "stack" / "logs").iterdir()]
    assert len(logs) > len(SERVICES)
    assert not [password for password in passwords for text in logs if password in text]


def _read(rights: Rights) -> frozenset[str]:
    return rights.reads.union(*rights.consumes.values())


async def _read_from(consumer: AIOKafkaConsumer) -> None:
    await consumer.start()
    await asyncio.wait_for(consumer.getone(), 60)
