"""What the sending path asks about recipients, and at what cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.ingest.contacts.changes import ContactChange
from services.ingest.contacts.lookup import ContactLookup, KnownContact
from services.ingest.store.contacts import ContactStore
from shared.mongo.entities import Entities
from shared.mongo.entity_cache import EntityCache
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import Door, contacts_of, send

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def looking(deployment: Deployment) -> AsyncIterator[ContactLookup]:
    """A look-up in a process of its own, which follows the changes."""
    database = deployment.database("ingest")
    cache, stopping = EntityCache(Entities(database)), asyncio.Event()
    watching = asyncio.create_task(cache.watch(stopping))
    try:
        yield ContactLookup(cache, ContactStore(database).known)
    finally:
        stopping.set()
        await watching


async def queries(deployment: Deployment, collections: tuple[str, ...] = ("contacts", "contact_books")) -> int:
    """How many reads of the collections MongoDB has seen since the profiler was set, which ends here."""
    database = deployment.database("ingest")
    await database.command("profile", 0)
    names = [f"{database.name}.{name}" for name in collections]
    return await database["system.profile"].count_documents({"ns": {"$in": names}})


async def profile(deployment: Deployment) -> None:
    database = deployment.database("ingest")
    await database.command("profile", 0)
    await database["system.profile"].drop()
    await database.command("profile", 2)


async def test_concurrent_look_ups_are_one_query(tenant: Door) -> None:
    workspace = tenant.workspace.id
    made = await contacts_of(tenant).upsert_many(
        workspace,
        [ContactChange(f"C{number}@example.test", {"n": number}, subscribed=number % 2 == 0) for number in range(40)],
    )
    async with looking(tenant.deployment) as lookup:
        assert await lookup.find(workspace, ["c1@example.test"])  # the contact book is remembered from now on

        async def shared() -> bool:
            await profile(tenant.deployment)
            found = await asyncio.gather(
                *(lookup.find(workspace, [f"c{number}@EXAMPLE.test", "x@example.test"]) for number in range(40))
            )
            for number, contacts in enumerate(found):
                expected = KnownContact(made[number].id, None, number % 2 == 0, {"n": number})
                assert contacts == {f"c{number}@example.test": expected}
            return await queries(tenant.deployment) == 1

        await eventually(shared)


async def test_workspaces_that_are_looked_up_together_see_their_own_contacts(tenant: Door) -> None:
    contacts, one, two = contacts_of(tenant), uuid7(), uuid7()
    for workspace, plan in ((one, "pro"), (two, "free")):
        await contacts.upsert_many(workspace, [ContactChange("ann@example.test", {"plan": plan})])
    await contacts.upsert_many(two, [ContactChange("bob@example.test")])
    async with looking(tenant.deployment) as lookup:
        both = ["ann@example.test", "bob@example.test"]
        asked = (lookup.find(workspace, both) for workspace in (one, two, uuid7()))
        first, second, third = await asyncio.gather(*asked)
    assert {key: known.attributes for key, known in first.items()} == {"ann@example.test": {"plan": "pro"}}
    assert {key: known.attributes for key, known in second.items()} == {
        "ann@example.test": {"plan": "free"}, "bob@example.test": {},
    }  # fmt: skip
    assert third == {}


async def test_a_workspace_without_contacts_costs_no_query_until_its_first_one(tenant: Door) -> None:
    workspace = tenant.workspace.id
    async with looking(tenant.deployment) as lookup:

        async def asks_nothing() -> bool:
            await profile(tenant.deployment)
            assert await lookup.find(workspace, ["ann@example.test"]) == {}
            return await queries(tenant.deployment) == 0

        await eventually(asks_nothing)
        await contacts_of(tenant).create(workspace, ContactChange("ann@example.test"))

        async def finds() -> dict[str, Any]:
            return await lookup.find(workspace, ["ann@example.test"])

        assert list(await eventually(finds, seconds=5)) == ["ann@example.test"]


async def test_sending_to_strangers_asks_for_contacts_once_for_all_requests(tenant: Door) -> None:
    await contacts_of(tenant).create(tenant.workspace.id, ContactChange("ann@example.test"))

    async def shared() -> bool:
        await profile(tenant.deployment)
        replies = await asyncio.gather(*(tenant.post(send(to=[f"r{n}@example.test"])) for n in range(30)))
        assert {reply.status_code for reply in replies} == {202}
        return 1 <= await queries(tenant.deployment) <= 10

    await eventually(shared)
