"""What the console's pages have MongoDB read: each page of every service, and each of its live parts, goes by indexes,
in their order, and looks at little more than it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from services.ingest.console.messages import FILTERS
from services.ingest.settings import Settings
from services.ingest.store.messages import Messages
from services.suppression.store.imports import Imports
from shared.mongo.entities import NOTICES
from shared.tokens import uuid7
from tests.bench.filling import deltas_of
from tests.bench.month_of_mail import life, order_number
from tests.fixtures.console import VisitingClient, signed_in, words
from tests.fixtures.deployment import Deployment
from tests.fixtures.profiled import Executed, Reads, profiling
from tests.fixtures.servers import Servers
from tests.integration.isolation.estate import SERVICES, Estate, open_estate
from tests.integration.isolation.table_console import OPEN
from tests.integration.isolation.test_console import url_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
MAIL = 600  # messages of each workspace
MOST_DOCUMENTS = 350  # a page shows 50 messages or the 288 slots of a day, and a search looks at 250 at first
LIST = "/console/messages"
PEOPLE = "/console/people/"
EXPORTS = frozenset({f"{LIST}.csv", "/console/suppressions.csv"})
SEARCHES = {
    "q": "ann",
    "recipient": "@mail-0.example",
    "sender": "orders@shop.example",
    "subject": "order",
    "tag": "order",
    "stream": "billing",
    "status": "delivered",
    "bounce_class": "invalid_recipient",
    "from": "2020-01-01T00:00",
    "to": "2040-01-01T00:00",
}
MORE_SEARCHES = (
    "recipient=ann.",
    "recipient=ann.person1%40mail-0.example",
    f"subject={order_number(7)}",
    "q=your+order+ann",
    "status=bounced&sender=orders%40shop.example",
    "sender=accounts%40&tag=password",
)


@dataclass
class Reading:
    """A visitor of the second workspace, and what each service's database did since that was asked for."""

    estate: Estate
    visitor: VisitingClient
    reads: list[Reads]

    async def faults(self, url: str, most: int | None) -> list[str]:
        """What was wrong with a page and with its reads, in the databases of all services, of `most` documents."""
        reply = await self.visitor.get(url)
        found = await asyncio.gather(*(reads() for reads in self.reads))
        executed = [each for one in found for each in one if each.collection != NOTICES]
        documents = sum(each.documents for each in executed)
        faults = [f"answers {reply.status_code}: {words(reply)}"] if reply.status_code != 200 else []
        faults += [f"looks at {documents} documents"] if most is not None and documents > most else []
        faults += [
            f"{each.collection}: {each.plan}{', sorted' if each.sorted else ''}, by {each.command}"
            for each in executed
            if "COLLSCAN" in each.plan or (each.sorted and not is_of_few(each))
        ]
        return [f"{url} {fault}" for fault in faults]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reading(servers: Servers) -> AsyncIterator[Reading]:
    deployment = Deployment(servers.mongo_url, servers.kafka_bootstrap)
    async with open_estate(deployment) as estate:
        estate.api.stopping.set()  # so that live parts end
        for tenant in (estate.first, estate.second):
            lives = [life(number, MAIL, datetime.now(UTC), tenant.workspace) for number in range(MAIL)]
            await Messages(deployment.database("ingest")).write(deltas_of(lives))
        estate.second.values["import"] = uuid7()  # which pages alone make
        imports = Imports(deployment.database("suppression"))
        await imports.begin(estate.second.workspace, estate.second.values["import"], None, 1000)
        settings = deployment.settings(Settings)
        visitor = await signed_in(estate.http, deployment.database("ingest"), settings, estate.second.key)
        databases = [deployment.database(name) for name in (*SERVICES, "content")]
        async with AsyncExitStack() as stack:
            yield Reading(estate, visitor, [await stack.enter_async_context(profiling(each)) for each in databases])
    await deployment.drop()


def is_of_few(each: Executed) -> bool:
    """Whether what was sorted are counts by something, or the records of one person: both are few."""
    is_count = any("$group" in stage for stage in each.command.get("pipeline", ()))
    return is_count or not {"address_key", "address_hmac"}.isdisjoint(each.command.get("filter", ()))


async def test_every_page_goes_by_indexes(reading: Reading) -> None:
    paths = [
        route.path
        for route in reading.estate.api.router.routes
        if isinstance(route, APIRoute) and route.path.startswith("/console") and "GET" in route.methods
    ]
    found: list[str] = []
    for path in paths:
        if path not in OPEN:
            url = url_of(path, reading.estate.own)
            url += f"?address={reading.estate.second.values['recipient']}" if path.startswith(PEOPLE) else ""
            found += await reading.faults(url, None if path in EXPORTS else MOST_DOCUMENTS)
    assert not found, "\n".join(found)


async def test_every_search_goes_by_indexes(reading: Reading) -> None:
    """Its page, the page behind it, its live part and its export."""
    assert set(SEARCHES) == set(FILTERS), "each filter is to be tried"
    found: list[str] = []
    for query in (*(f"{name}={value}" for name, value in SEARCHES.items()), *MORE_SEARCHES):
        for path in (LIST, f"{LIST}/live", f"{LIST}.csv"):
            url = f"{path}?{query}"
            found += await reading.faults(url, None if path in EXPORTS else MOST_DOCUMENTS)
    assert not found, "\n".join(found)
