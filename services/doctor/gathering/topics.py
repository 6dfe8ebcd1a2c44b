"""The topics and the brokers as Kafka describes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from services.doctor.checks.topics import KafkaFacts, TopicFacts
from services.doctor.options import Options
from services.setup import topic_config
from shared.contracts.topics import Topic, all_topics
from shared.kafka.security import client_arguments
from shared.settings import SharedSettings

AUTO_CREATE = "auto.create.topics.enable"


async def gather(options: Options) -> KafkaFacts:
    settings = options.shared
    topics = all_topics(settings.topic_partitions)
    names = [settings.topic(topic.name) for topic in topics]
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    try:
        await admin.start()
        there = sorted(set(names) & set(await admin.list_topics()))
        described = await admin.describe_topics(there) if there else []
        brokers = (await admin.describe_cluster())["brokers"]
        asked = [ConfigResource(ConfigResourceType.BROKER, str(brokers[0]["node_id"]))]
        asked += [ConfigResource(ConfigResourceType.TOPIC, name) for name in there]
        configs = _configs(await admin.describe_configs(asked))
    finally:
        await admin.close()
    auto = next((config.get(AUTO_CREATE) for (kind, _), config in configs.items() if kind == "broker"), None)
    found = {each["topic"]: _found(each, configs.get(("topic", each["topic"]), {})) for each in described}
    wanted = [_wanted(settings, topic) for topic in topics]
    return KafkaFacts(
        wanted, found, len(brokers), None if auto is None else auto == "true", local=settings.profile == "local"
    )


def _wanted(settings: SharedSettings, topic: Topic) -> TopicFacts:
    config = {"cleanup.policy": "delete"} | topic_config(topic, settings)
    del config["compression.type"]  # a broker that compresses anew costs, and breaks nothing
    return TopicFacts(settings.topic(topic.name), topic.partitions, settings.topic_replicas, config)


def _found(described: dict[str, Any], config: dict[str, str]) -> TopicFacts:
    partitions = described["partitions"]
    fewest = min((len(each["replicas"]) for each in partitions), default=0)
    return TopicFacts(described["topic"], len(partitions), fewest, config)


def _configs(replies: Iterable[Any]) -> dict[tuple[str, str], dict[str, str]]:
    """By kind and name of what is configured; nothing of brokers where the user may not ask. Raises KafkaError."""
    kinds = {ConfigResourceType.BROKER.value: "broker", ConfigResourceType.TOPIC.value: "topic"}
    found = {}
    for reply in replies:
        for code, _, kind, name, entries in (resource[:5] for resource in reply.resources):
            if code and int(kind) == ConfigResourceType.TOPIC.value:
                raise for_code(code)(name)
            found[kinds[int(kind)], name] = {entry[0]: entry[1] or "" for entry in entries}
    return found
