"""Entities: rising versions, copies that only go forward, and memories that forget at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from shared.config_copy import ConfigCopy
from shared.contracts.entities import EntityChange, Kind
from shared.contracts.topics import CONFIG_CHANGES
from shared.kafka.connection import KafkaConnection
from shared.mongo.entities import NOTICES, Entities, VersionConflictError
from shared.mongo.entity_cache import EntityCache
from tests.fixtures.deployment import Deployment, eventually


def version(number: int, *, deleted: bool = False, id_: str = "w1") -> EntityChange:
    return EntityChange(
        kind=Kind.WORKSPACE, id=id_, version=number, deleted=deleted, changed_at=datetime.now(UTC),
        data={"name": f"v{number}"},
    )  # fmt: skip


@asynccontextmanager
async def remembering(entities: Entities) -> AsyncIterator[EntityCache]:
    """A memory that follows the notices."""
    cache, stopping = EntityCache(entities), asyncio.Event()
    watching = asyncio.create_task(cache.watch(stopping))
    try:
        yield cache
    finally:
        stopping.set()
        await watching


async def test_the_owner_raises_the_version_and_publishes_each(deployment: Deployment) -> None:
    await deployment.prepare("router", topics=(CONFIG_CHANGES,))
    entities = Entities(deployment.database("router"))
    first = await entities.put(Kind.TRANSPORT, "t1", "w1", {"name": "one"})
    async with KafkaConnection(deployment.shared, "test") as kafka:
        await asyncio.wait_for(kafka.connected.wait(), 20)
        outbox = entities.outbox(Kind.TRANSPORT, kafka.publisher)
        await outbox.publish([first])
        await entities.put(Kind.TRANSPORT, "t1", "w1", {"name": "two"}, expected=1)
        with pytest.raises(VersionConflictError):
            await entities.put(Kind.TRANSPORT, "t1", "w1", {"name": "three"}, expected=1)
        # a publisher that comes late with an old version does not clear the newer one's mark
        await outbox.publish([first])
        assert await outbox.sweep(older_than=0) == 1
        assert await outbox.sweep(older_than=0) == 0
    changes = [EntityChange.decode(record.value) for record in await deployment.records(CONFIG_CHANGES, 3)]
    assert [(change.version, change.data["name"]) for change in changes] == [(1, "one"), (1, "one"), (2, "two")]


async def test_a_copy_takes_what_is_newer_in_any_order(deployment: Deployment) -> None:
    await deployment.prepare("router")
    entities = Entities(deployment.database("router"))
    for change in (version(2), version(1), version(3, deleted=True), version(2), version(3, deleted=True)):
        await entities.apply([change])
    entity = await entities.get(Kind.WORKSPACE, "w1")
    assert entity is not None
    assert (entity.version, entity.deleted, entity.data["name"]) == (3, True, "v3")
    await entities.apply([version(5), version(4)])
    assert [found.version for found in await entities.find(Kind.WORKSPACE, {})] == [5]
    assert ConfigCopy(entities, [Kind.WORKSPACE])


async def test_of_first_versions_that_race_the_newest_stays(deployment: Deployment) -> None:
    await deployment.prepare("router")
    owners = [Entities(deployment.database("router")) for _ in range(3)]
    for number in range(40):
        racing = [version(each, id_=f"w{number}") for each in (1, 2, 3)]
        await asyncio.gather(*(owner.apply([change]) for owner, change in zip(owners, racing, strict=True)))
    found = await owners[0].find(Kind.WORKSPACE, {})
    assert [(entity.version, entity.data["name"]) for entity in found] == [(3, "v3")] * 40


async def test_of_first_writes_at_the_same_time_that_expect_none_one_is_done(deployment: Deployment) -> None:
    await deployment.prepare("router")
    entities = Entities(deployment.database("router"))
    writes = (entities.put(Kind.FIELD, "f1", "w1", {"by": number}, expected=0) for number in range(10))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, VersionConflictError)]
    assert len(refused) == 9
    found = await entities.get(Kind.FIELD, "f1")
    assert found is not None
    assert (found.version, outcomes[found.data["by"]]["data"]) == (1, found.data)  # type: ignore[index]


async def test_who_knows_of_a_newer_version_is_not_given_the_remembered_one(deployment: Deployment) -> None:
    """The change is made without its notice: as if that had not come yet."""
    await deployment.prepare("router")
    entities = Entities(deployment.database("router"))
    await entities.apply([version(1)])
    async with remembering(entities) as cache:

        async def found(at_least: int = 0) -> int:
            entity = await cache.find_one(Kind.WORKSPACE, "name", "v1", at_least=at_least)
            return entity.version if entity else 0

        async def remembered() -> bool:
            await found()
            return cache.remembered_one(Kind.WORKSPACE, "name", "v1") is not None

        await eventually(remembered)
        await deployment.database("router")[Kind.WORKSPACE].update_one({"_id": "w1"}, {"$set": {"version": 2}})
        assert await found() == 1
        assert await found(at_least=2) == 2
        assert await found() == 2


async def test_a_memory_forgets_what_another_process_changes(deployment: Deployment) -> None:
    await deployment.prepare("router")
    reader, writer = (Entities(deployment.database("router")) for _ in range(2))
    await writer.apply([version(1)])
    async with remembering(reader) as cache:

        async def remembers() -> bool:
            first = await cache.get(Kind.WORKSPACE, "w1")
            return first is not None and await cache.get(Kind.WORKSPACE, "w1") is first

        await eventually(remembers)
        assert await cache.find_one(Kind.WORKSPACE, "name", "v2") is None
        # a newer process may have kinds that this one does not know
        await deployment.database("router")[NOTICES].insert_one({"kind": "of_tomorrow", "id": "x"})
        await writer.apply([version(2)])

        async def sees_the_change() -> bool:
            entity = await cache.get(Kind.WORKSPACE, "w1")
            return entity is not None and entity.version == 2

        await eventually(sees_the_change)
        assert await cache.find_one(Kind.WORKSPACE, "name", "v2") is not None
        await writer.apply([version(3, deleted=True)])

        async def is_gone() -> bool:
            return await cache.get(Kind.WORKSPACE, "w1") is None

        await eventually(is_gone)


async def test_without_notices_nothing_is_remembered(deployment: Deployment) -> None:
    await deployment.prepare("router")
    entities = Entities(deployment.database("router"))
    cache = EntityCache(entities)
    await entities.apply([version(1)])
    assert (await cache.many(Kind.WORKSPACE, {"w1": 0}))["w1"].version == 1
    await deployment.database("router")[Kind.WORKSPACE].update_one({"_id": "w1"}, {"$set": {"version": 9}})
    assert (await cache.many(Kind.WORKSPACE, {"w1": 0}))["w1"].version == 9


async def test_a_memory_that_is_too_old_for_a_record_is_read_again(deployment: Deployment) -> None:
    await deployment.prepare("router")
    entities = Entities(deployment.database("router"))
    await entities.apply([version(1)])
    async with remembering(entities) as cache:
        await cache.get(Kind.WORKSPACE, "w1")
        await deployment.database("router")[Kind.WORKSPACE].update_one({"_id": "w1"}, {"$set": {"version": 4}})
        entity = await cache.get(Kind.WORKSPACE, "w1", at_least=4)
        assert entity is not None
        assert entity.version == 4


async def test_a_deletion_of_many_is_a_version_of_each_and_is_told_and_published(deployment: Deployment) -> None:
    await deployment.prepare("router", topics=(CONFIG_CHANGES,))
    entities = Entities(deployment.database("router"))
    for id_, name in (("t1", "mine"), ("t2", "mine"), ("t3", "other")):
        await entities.put(Kind.TRANSPORT, id_, "w1", {"name": name})
    async with remembering(entities) as cache:

        async def forgotten() -> bool:
            return await cache.get(Kind.TRANSPORT, "t1") is None

        assert not await forgotten()
        assert await entities.delete_where(Kind.TRANSPORT, {"data.name": "mine"}) == 2
        assert await entities.delete_where(Kind.TRANSPORT, {"data.name": "mine"}) == 0
        await eventually(forgotten)
    assert [found.id for found in await entities.find(Kind.TRANSPORT, {})] == ["t3"]
    async with KafkaConnection(deployment.shared, "test") as kafka:
        await asyncio.wait_for(kafka.connected.wait(), 20)
        assert await entities.outbox(Kind.TRANSPORT, kafka.publisher).sweep(older_than=0) == 3
    changes = [EntityChange.decode(record.value) for record in await deployment.records(CONFIG_CHANGES, 3)]
    assert sorted((change.id, change.version, change.deleted) for change in changes) == [
        ("t1", 2, True), ("t2", 2, True), ("t3", 1, False),
    ]  # fmt: skip
