"""What has not been read of a topic, counted over all the partitions that it has by then."""

from __future__ import annotations

import pytest
from aiokafka.errors import GroupCoordinatorNotAvailableError

from services.setup import create_topics
from shared.contracts.topics import EVENTS, Topic
from shared.kafka import lag
from shared.kafka.lag import LagMeter, Reader
from tests.fixtures.deployment import Deployment, eventually

READER = Reader("nobody.reads", EVENTS)


async def test_partitions_that_a_topic_got_later_count_too(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "LOOK_SECONDS", 0)
    await deployment.prepare(topics=(EVENTS,))
    await deployment.publish(EVENTS, [("first", b"{}", {})])
    meter = LagMeter(deployment.shared)

    async def counted(records: int) -> bool:
        """A broker that has never had a group makes the topic of offsets when it is first asked."""
        try:
            return (await meter.measure([READER]))[READER].unread == records
        except GroupCoordinatorNotAvailableError:
            return False

    try:
        await eventually(lambda: counted(1))
        await create_topics(deployment.shared, [Topic(EVENTS, partitions=4)])
        await deployment.publish(EVENTS, [(f"m-{number}", b"{}", {}) for number in range(20)])
        await eventually(lambda: counted(21))
    finally:
        await meter.close()
