"""Every consumer of every service reads records of a later version: fields and kinds that it does not know."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from deploy.contracts.catalogue import TOPICS
from deploy.contracts.examples import examples
from shared.contracts.flows import FLOWS
from shared.contracts.purposes import erasure_purpose
from shared.contracts.topics import Lane, cleared, dead_letters
from shared.kafka.dead_letter import count_dead_letters, text_headers
from shared.secrets import SecretBox
from shared.telemetry import metrics
from tests.contract.test_two_versions import with_more
from tests.faults.quiet import consumer_groups
from tests.fixtures.deployment import Deployment, eventually

ROLES = {
    "ingest": {"relay", "projector"},
    "router": {"route", "health"},
    "suppression": {"check"},
    "sender": {"deliver"},
    "webhooks": {"dispatch"},
}
pytestmark = pytest.mark.timeout(300)
KINDS = {"Event": "type", "Command": "type", "EntityChange": "kind"}
UNKNOWN = "of_a_later_version"


def _service(deployment: Deployment, name: str) -> Any:
    settings = deployment.settings(import_module(f"services.{name}.settings").Settings)
    return import_module(f"services.{name}.app").create_app(settings, ROLES[name])


def _record(name: str, deployment: Deployment) -> dict[str, Any]:
    """An example that leads to nothing that leaves the machine: its message has a verdict that ends it."""
    record = examples()[name]
    if name == "Erase":
        purpose = erasure_purpose(record["erasure_id"])
        record["address"] = SecretBox(deployment.shared.encryption_key_bytes).seal(b"ann@inbox.example", purpose)
    if name == "Message":
        record["verdict"] |= {"kind": "suppressed", "reason": "manual"}
    return record


async def _read_by_all(deployment: Deployment, groups: set[str]) -> None:
    """Returns when each group has committed all that was published."""

    async def read() -> bool:
        with suppress(KafkaError):
            async with consumer_groups(deployment.shared) as found:
                unread = await found.unread(await found.ends())
                wanted = {deployment.shared.group(group) for group in groups}
                return wanted <= unread.keys() and not any(unread[group] for group in wanted)
        return False

    await eventually(read, every=0.2, seconds=60, what=f"{groups} have read all")


def _left_out(topic: str) -> float:
    return float(metrics.NEWER_RECORDS.labels(topic)._value.get())


@pytest.mark.parametrize("name", FLOWS)
async def test_a_later_version_makes_no_dead_letters(deployment: Deployment, name: str) -> None:
    flow = FLOWS[name]
    topics = {topic for consumed in flow.groups.values() for topic in consumed}
    await deployment.prepare(name, topics=tuple({*topics, *flow.sends, *flow.dead_letters}))
    readers = {topic: [group for group, consumed in flow.groups.items() if topic in consumed] for topic in topics}
    before = {topic: _left_out(topic) for topic in topics}
    unknown: dict[str, int] = {}
    for topic in topics:
        for record in TOPICS[topic].records:
            known = with_more(_record(record.__name__, deployment))
            written = [known]
            if field := KINDS.get(record.__name__):
                written += [{**known, field: UNKNOWN}, known]
                unknown[topic] = 1
            await deployment.publish(topic, [("key", json.dumps(each).encode(), {"later": "x"}) for each in written])
    async with _service(deployment, name).run():
        await _read_by_all(deployment, set(flow.groups))
    assert await count_dead_letters(deployment.shared, topics) == dict.fromkeys(topics, 0)
    for topic, count in unknown.items():
        told = sum(group != "router.health" for group in readers[topic])  # health takes a type that it does not know
        assert _left_out(topic) - before[topic] == count * told, topic


async def test_a_verdict_that_is_not_known_is_put_aside_and_neither_sent_nor_lost(deployment: Deployment) -> None:
    topic = cleared(Lane.CRITICAL)
    flow = FLOWS["sender"]
    topics = {each for consumed in flow.groups.values() for each in consumed}
    await deployment.prepare("sender", topics=tuple({*topics, *flow.sends, *flow.dead_letters}))
    good = _record("Message", deployment)
    strange = {**good, "message_id": "strange", "verdict": {**good["verdict"], "kind": UNKNOWN}}
    await deployment.publish(topic, [(each["message_id"], json.dumps(each).encode(), {}) for each in (strange, good)])
    async with _service(deployment, "sender").run():
        (dead,) = await deployment.records(dead_letters(topic), at_least=1)
        deliveries = deployment.database("sender")["deliveries"]

        async def taken() -> bool:
            return bool(await deliveries.find_one({"_id": good["message_id"], "state": "ended"}))

        await eventually(taken)
    assert text_headers(dead)["dlq.reason"] == "undecodable"
    assert json.loads(dead.value or b"")["message_id"] == "strange"
    assert not await deliveries.find_one({"_id": "strange"})
