"""The estate that all tests here share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.fixtures.deployment import Deployment
from tests.fixtures.servers import Servers
from tests.integration.isolation.estate import Estate, open_estate


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def estate(servers: Servers) -> AsyncIterator[Estate]:
    deployment = Deployment(servers.mongo_url, servers.kafka_bootstrap)
    async with open_estate(deployment) as opened:
        yield opened
    await deployment.drop()
