"""shared/contracts/flows.py says what the services really do: their consumers, and the topics that their code names."""

from __future__ import annotations

import ast
from base64 import b64encode
from importlib import import_module
from pathlib import Path

import pytest

from services.roles import SERVICES
from services.run import compose
from shared.contracts.flows import FLOWS
from shared.contracts.topics import COMMANDS, CONFIG_CHANGES, EVENTS, Lane
from shared.kafka.batch import BatchConsumer
from shared.kafka.connection import KafkaConnection

ROOT = Path(__file__).parents[2]
TOPICS = import_module("shared.contracts.topics")


@pytest.fixture
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    key = b64encode(bytes(32)).decode()
    given = {"profile": "local", "pepper": key, "token_key": key, "encryption_key": key, "topic_prefix": ""}
    for name, value in given.items():
        monkeypatch.setenv(f"POSTHORN_{name.upper()}", value)


@pytest.mark.usefixtures("_environment")
@pytest.mark.parametrize("service", SERVICES)
async def test_the_consumers_of_a_service_are_those_of_its_flow(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, set[str]] = {}

    def attach(self: KafkaConnection, consumer: BatchConsumer) -> None:
        found[consumer.name] = set(consumer._decoders)

    monkeypatch.setattr(KafkaConnection, "attach", attach)
    compose([service])
    assert found == {group: set(topics) for group, topics in FLOWS[service].groups.items()}


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_sends_is_what_its_code_publishes(service: str) -> None:
    sent = {topic for call in _calls(ROOT / "services" / service, "Outgoing") for topic in _topics(call.args[0])}
    sent |= {COMMANDS}  # every service confirms erasures: shared/erasing.py
    if any(kwarg.arg == "owned" for call in _calls(ROOT / "services" / service, "Base") for kwarg in call.keywords):
        sent.add(CONFIG_CHANGES)  # shared/mongo/entities.py
    if any(True for _ in _names(ROOT / "services" / service, "stuck_event")):
        sent.add(EVENTS)  # shared/kafka/stuck.py
    assert sent == set(FLOWS[service].sends)


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_reads_outside_its_groups_is_said(service: str) -> None:
    read = any(True for _ in _calls(ROOT / "services" / service, "read_topics"))
    assert read == bool(FLOWS[service].reads)


def _calls(folder: Path, name: str) -> list[ast.Call]:
    return [
        node
        for file in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        if _is_of_kafka(file, name)
    ]


def _is_of_kafka(file: Path, name: str) -> bool:
    """Whether the file means the record of Kafka: the sender has an Outgoing mail too."""
    return name != "Outgoing" or "from shared.kafka.publish import" in file.read_text()


def _names(folder: Path, name: str) -> list[Path]:
    return [file for file in folder.rglob("*.py") if name in file.read_text()]


def _topics(topic: ast.expr) -> set[str]:
    """The topics that an expression names: a constant of topics.py, or one of its functions of a lane."""
    match topic:
        case ast.Call(func=ast.Name(id=name)):
            return {getattr(TOPICS, name)(lane) for lane in Lane}
        case ast.Name(id=name) if name.isupper():
            return {getattr(TOPICS, name)}
        case ast.Name(id="topic"):
            return set(map(TOPICS.cleared, Lane))  # services/suppression/handlers.py
    raise AssertionError(f"what topic is {ast.dump(topic)}")


def test_every_topic_is_sent_and_received() -> None:
    live = {*TOPICS.LIVE, TOPICS.STAGE_REPORTS}
    assert {topic for flow in FLOWS.values() for topic in flow.sends} == live
    read = {topic for flow in FLOWS.values() for topics in flow.groups.values() for topic in topics}
    assert read | {topic for flow in FLOWS.values() for topic in flow.reads} == live
    assert not [
        group for service, flow in FLOWS.items() for group in flow.groups if not group.startswith(f"{service}.")
    ]
    assert all(isinstance(consumer, str) for flow in FLOWS.values() for consumer in flow.dead_letters)
