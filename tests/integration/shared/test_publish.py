"""The publisher: what Kafka refuses for good does not end it, and tries in an outage do not pile up."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from shared.contracts.record import MAX_RECORD_BYTES
from shared.kafka.publish import Outgoing, Publisher, PublishUnknownError
from tests.fixtures.deployment import Deployment

TOPIC = "small"
LARGEST = 4096  # bytes of a batch that the topic takes


@pytest.fixture
async def publisher(deployment: Deployment) -> AsyncIterator[Publisher]:
    """A publisher, and a topic of one partition that refuses batches that the publisher lets through."""
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.shared.kafka_bootstrap)
    await admin.start()
    config = {"max.message.bytes": str(LARGEST)}
    await admin.create_topics([NewTopic(deployment.shared.topic(TOPIC), 1, 1, topic_configs=config)])
    await admin.close()
    deployment.topics.add(TOPIC)
    made = Publisher(deployment.shared, "test")
    yield made
    await made.close()


def outgoing(key: str, size: int = 10) -> Outgoing:
    return Outgoing(TOPIC, key, os.urandom(size))


async def test_a_batch_that_the_broker_refuses_leaves_the_publisher_whole(
    deployment: Deployment, publisher: Publisher
) -> None:
    """The refused batch has used up numbers of its partition: its producer is never taken anything there again."""
    assert await publisher.publish([outgoing("before")]) == []
    large = outgoing("large", 2 * LARGEST)
    assert await publisher.publish([large]) == [large]
    assert await publisher.publish([outgoing("after")]) == []
    assert [record.key for record in await deployment.records(TOPIC)] == [b"before", b"after"]


async def test_a_record_over_the_limit_is_refused_and_its_neighbours_are_published(
    deployment: Deployment, publisher: Publisher
) -> None:
    large = outgoing("large", MAX_RECORD_BYTES + 1)
    assert await publisher.publish([outgoing("a"), large, outgoing("b")]) == [large]
    assert [record.key for record in await deployment.records(TOPIC)] == [b"a", b"b"]


async def test_without_kafka_it_says_that_nothing_is_known_and_leaves_nothing_behind(
    deployment: Deployment, recwarn: pytest.WarningsRecorder
) -> None:
    publisher = Publisher(deployment.shared.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"}), "test")
    with pytest.raises(PublishUnknownError):
        await publisher.publish([outgoing("a")])
    with pytest.raises(KafkaError):
        await publisher.connect()
    await publisher.close()
    del publisher
    assert not [warning for warning in recwarn if "Unclosed" in str(warning.message)]
