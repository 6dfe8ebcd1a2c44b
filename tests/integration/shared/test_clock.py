"""The database's clock as a process knows it whose question was long under way."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.mongo.client import make_client
from shared.mongo.clock import DatabaseClock
from shared.settings import SharedSettings
from tests.fixtures.deployment import Deployment
from tests.fixtures.wire import Wire


async def test_a_slow_question_makes_nothing_due_before_its_time(deployment: Deployment) -> None:
    wire = Wire(deployment.shared.mongo_url)
    async with wire.open():
        client = make_client(deployment.settings(SharedSettings, mongo_url=wire.url))
        clock = DatabaseClock(client["any"])
        await clock.sync()  # connects: only the next question's way is to be slow
        wire.slow_seconds = 0.2
        await clock.sync()
        assert await clock.current() > datetime.now(UTC)
        assert await clock.earliest() <= datetime.now(UTC)
        client.close()
