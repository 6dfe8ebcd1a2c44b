"""The stack's processes, ports and servers, for real, in homes of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dns.rdatatype
import dns.resolver
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient

from deploy.local.dns import publish_txt
from deploy.local.environment import load_env, read_env
from deploy.local.errors import LocalError, StartError
from deploy.local.ports import DEFAULT_PORTS, HOST
from deploy.local.stack import Stack
from tests.fixtures.own_ports import own_ports
from tests.fixtures.process_groups import group_members

PORT_BASE = own_ports(21000)


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path / "home", port_base=PORT_BASE, environ=clean_environment())
    yield made
    made.down()


def test_environment_and_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = {"POSTHORN_DB_PREFIX": "mine_", "POSTHORN_MONGO_URL": "mongodb://elsewhere/", "PATH": "/bin"}
    stack = Stack(tmp_path, environ=caller)
    env = stack.env
    assert (env["POSTHORN_DB_PREFIX"], env["POSTHORN_MONGO_URL"], env["PATH"]) == (
        "mine_", "mongodb://elsewhere/", "/bin",
    )  # fmt: skip
    assert "mongod" not in stack.names
    assert json.loads(env["POSTHORN_STATIC_MX"])["*.test"] == [f"{HOST}:{stack.ports['sink_smtp']}"]
    assert Stack(tmp_path, environ={}).env["POSTHORN_PEPPER"] == env["POSTHORN_PEPPER"]
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600
    with pytest.raises(LocalError, match="no part is called nobody"):
        stack.up(only=["nobody"])
    (tmp_path / "env").write_text("POSTHORN_A=from file\nPOSTHORN_B=x=y\n")
    monkeypatch.setenv("POSTHORN_A", "set before")
    monkeypatch.delenv("POSTHORN_B", raising=False)
    load_env(tmp_path)
    assert (os.environ.pop("POSTHORN_B"), os.environ["POSTHORN_A"]) == ("x=y", "set before")


async def test_servers_keep_their_state_and_leave_no_process(stack: Stack) -> None:
    stack.up(only=["kafka", "mongod"])
    pids = [stack.pid("kafka"), stack.pid("mongod")]
    await write_something(stack)
    stack.up(only=["kafka", "mongod"])
    assert [stack.pid("kafka"), stack.pid("mongod")] == pids

    stack.kill("mongod", signal.SIGKILL)
    stack.start("mongod")
    assert stack.pid("mongod") not in (None, pids[1])

    stack.down()
    assert [row.state for row in stack.status()[:2]] == ["stopped", "stopped"]
    assert not any(group_members(pid) for pid in pids if pid)

    moved = Stack(stack.home, port_base=PORT_BASE + 100, environ=clean_environment())
    moved.up(only=["kafka", "mongod"])
    assert moved.ports["mongo"] != PORT_BASE + list(DEFAULT_PORTS).index("mongo")
    assert await read_it_again(moved) == (b"kept", "kept")
    moved.down()


async def write_something(stack: Stack) -> None:
    bootstrap = stack.env["POSTHORN_KAFKA_BOOTSTRAP"]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("t", 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4", acks="all") as producer:
        await producer.send_and_wait("t", b"kept")
    client: MongoClient[dict[str, str]] = MongoClient(stack.env["POSTHORN_MONGO_URL"])
    with client:
        client["t"]["t"].insert_one({"_id": "kept"})


async def read_it_again(stack: Stack) -> tuple[bytes, str]:
    consumer = AIOKafkaConsumer(
        "t", bootstrap_servers=stack.env["POSTHORN_KAFKA_BOOTSTRAP"], auto_offset_reset="earliest", group_id="g"
    )
    async with consumer:
        record = await consumer.getone()
    client: MongoClient[dict[str, str]] = MongoClient(stack.env["POSTHORN_MONGO_URL"])
    with client:
        found = client["t"]["t"].find_one()
    assert record.value is not None
    assert found is not None
    return record.value, found["_id"]


def test_tools_start_alone_and_one_can_be_killed(stack: Stack) -> None:
    said: list[str] = []
    stack.say = said.append
    stack.up(only=["sink", "receiver", "dns"])
    assert "sink is ready" in " ".join(said)
    states = {row.name: (row.state, row.port) for row in stack.status()}
    assert states["sink"] == ("ready", stack.ports["sink_smtp"])
    assert states["kafka"] == ("stopped", None)
    assert read_env(stack.home / "env")["POSTHORN_SINK_URL"] == stack.sink_url

    stack.kill("sink", signal.SIGKILL)
    assert stack.pid("sink") is None
    stack.start("sink")
    assert stack.pid("sink") is not None

    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [HOST], stack.ports["dns"]
    assert [str(record) for record in resolver.resolve("acme.test", "MX")] == ["10 sink.example."]
    assert [str(record) for record in resolver.resolve("sink.example", "A")] == [HOST]
    key = 'v=DKIM1; p="' + "A" * 600
    name = "ph1._domainkey.acme.test"
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve(name, "TXT")
    publish_txt(stack.home, name, "older")
    publish_txt(stack.home, name, key)
    assert texts_of(resolver, name) == {key}
    for text in ("one", "two", "one"):
        publish_txt(stack.home, "acme.test", text)
    assert texts_of(resolver, "Acme.test") == {"one", "two"}
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("example.org", "MX")


def texts_of(resolver: dns.resolver.Resolver, name: str) -> set[str]:
    return {b"".join(record.strings).decode() for record in resolver.resolve(name, dns.rdatatype.TXT)}


def test_a_part_that_ends_at_its_start_shows_its_log(stack: Stack) -> None:
    stack.home.mkdir()
    (stack.home / "mongod").write_text("a file where a folder must be")
    with pytest.raises((StartError, OSError)):
        stack.up(only=["mongod"])


def test_the_commands(tmp_path: Path) -> None:
    environ = {**clean_environment(), "POSTHORN_HOME": str(tmp_path), "POSTHORN_PORT_BASE": str(PORT_BASE + 200)}

    def posthorn(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services.cli", *arguments], env=environ, capture_output=True, text=True
        )

    try:
        assert posthorn("up", "receiver").returncode == 0
        shown = posthorn("status")
        assert shown.returncode == 1
        assert "receiver" in shown.stdout
        assert posthorn("up", "nobody").returncode == 1
    finally:
        assert posthorn("down").returncode == 0
    assert not list((tmp_path / "run").glob("*.pid"))
