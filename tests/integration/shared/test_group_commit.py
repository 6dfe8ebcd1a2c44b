"""Grouped writes: one call for many, an answer for each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo import IndexModel
from pymongo.errors import BulkWriteError

from shared.mongo.group_commit import GroupCommit, Insert, Inserted, insert_group
from tests.fixtures.deployment import Deployment


async def test_each_document_gets_its_own_answer(deployment: Deployment) -> None:
    collection = deployment.database("test")["things"]
    await collection.create_indexes([IndexModel([("workspace", 1), ("key", 1)], unique=True)])
    await collection.insert_one({"_id": 1, "workspace": "w", "key": "taken"})
    answers = await insert_group(
        collection,
        [
            {"_id": 1, "workspace": "w", "key": "a"},
            {"_id": 2, "workspace": "w", "key": "taken"},
            {"_id": 3, "workspace": "w", "key": "large", "body": b"x" * (16 * 1024 * 1024)},
            {"_id": 4, "workspace": "w", "key": "new"},
        ],
    )
    assert [answer.result for answer in answers] == [Insert.EXISTS, Insert.EXISTS, Insert.TOO_LARGE, Insert.DONE]
    assert [dict(answer.key or {}) for answer in answers[:2]] == [{"_id": 1}, {"workspace": 1, "key": 1}]
    assert await collection.count_documents({}) == 2


async def test_what_is_submitted_together_is_written_together(deployment: Deployment) -> None:
    collection = deployment.database("test")["things"]
    groups: list[int] = []

    async def write(documents: list[dict[str, Any]]) -> list[Inserted]:
        groups.append(len(documents))
        return await insert_group(collection, documents)

    commit = GroupCommit("test", write, largest=40, at_once=1)
    answers = await asyncio.gather(*(commit.submit({"_id": number}) for number in range(100)))
    assert {answer.result for answer in answers} == {Insert.DONE}
    assert await collection.count_documents({}) == 100
    assert max(groups) <= 40
    assert len(groups) <= 4


async def test_a_group_that_fails_fails_for_all_of_it_and_the_next_goes_on() -> None:
    async def write(items: list[int]) -> list[int]:
        if 13 in items:
            raise BulkWriteError({"writeConcernErrors": [{"code": 64}]})
        return items

    commit = GroupCommit("test", write)
    answers = await asyncio.gather(*(commit.submit(number) for number in (12, 13)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [BulkWriteError, BulkWriteError]
    assert await commit.submit(14) == 14
    await commit.drain()


async def test_a_caller_that_gives_up_does_not_stop_the_others() -> None:
    free = asyncio.Event()

    async def write(items: list[int]) -> list[int]:
        await free.wait()
        return items

    commit = GroupCommit("test", write)
    first, second = asyncio.ensure_future(commit.submit(1)), asyncio.ensure_future(commit.submit(2))
    await asyncio.sleep(0)
    first.cancel()
    free.set()
    assert await second == 2
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_its_caller_has_given_up_before_it_began_is_not_written() -> None:
    free, written = asyncio.Event(), []

    async def write(items: list[int]) -> list[int]:
        await free.wait()
        written.extend(items)
        return items

    commit = GroupCommit("test", write, at_once=1)
    first = asyncio.ensure_future(commit.submit(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the first group is under way
    second, third = asyncio.ensure_future(commit.submit(2)), asyncio.ensure_future(commit.submit(3))
    await asyncio.sleep(0)
    second.cancel()
    free.set()
    assert (await first, await third) == (1, 3)
    assert written == [1, 3]
