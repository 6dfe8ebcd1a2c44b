"""Unpublished records: cleared when published, kept apart where Kafka can never take them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.record import MAX_RECORD_BYTES
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo.outbox import Outbox, unpublished
from tests.fixtures.deployment import Deployment

TOPIC = "mail.events"


@pytest.fixture
async def outbox(deployment: Deployment) -> AsyncIterator[Outbox]:
    await deployment.prepare(topics=(TOPIC,))
    publisher = Publisher(deployment.shared, "test")
    yield Outbox(deployment.database("sender")["things"], publisher, lambda document: [record_of(document)])
    await publisher.close()


def record_of(document: Mapping[str, Any]) -> Outgoing:
    return Outgoing(TOPIC, document["_id"], document["text"].encode())


async def test_a_record_that_is_too_large_is_never_taken_for_published(deployment: Deployment, outbox: Outbox) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    texts = {"a": "a", "large": "x" * (MAX_RECORD_BYTES + 1), "b": "b"}
    marked = [{"_id": id_, "text": text, "unpublished": unpublished(long_ago)} for id_, text in texts.items()]
    things = deployment.database("sender")["things"]
    await things.insert_many(marked)

    assert await outbox.sweep() == 3
    assert [record.key for record in await deployment.records(TOPIC)] == [b"a", b"b"]
    assert await things.count_documents({"unpublished": {"$exists": True}}) == 0
    [kept] = await things.find({"refused": {"$exists": True}}).to_list(None)
    assert kept["_id"] == "large"
    assert kept["refused"]["token"] == marked[1]["unpublished"]["token"]  # type: ignore[index]
    assert await outbox.sweep() == 0, "it is not tried again"
