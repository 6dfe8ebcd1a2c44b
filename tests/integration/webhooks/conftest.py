"""Fixtures of the webhooks service."""

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.deployment import Deployment
from tests.fixtures.http_receiver import HttpReceiver, open_http_receiver
from tests.integration.webhooks.world import World, running_world


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[World]:
    async with running_world(deployment) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[HttpReceiver]:
    async with open_http_receiver() as opened:
        yield opened
