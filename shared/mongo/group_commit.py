"""Group commit: concurrent single writes become one write, so that many callers pay for one journal flush."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

import bson
import bson.raw_bson
from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo.errors import BulkWriteError

from shared.telemetry import metrics

T = TypeVar("T")
A = TypeVar("A")

MAX_DOCUMENT = 15 * 1024 * 1024
DUPLICATE_KEY = 11000


class GroupCommit(Generic[T, A]):
    """Gathers what is submitted while earlier writes are under way, and for `linger` seconds after the first.

    `write` takes the gathered items and returns one answer for each, in order; what it raises goes to all of them.
    At most `at_once` writes are under way: fewer make larger groups.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[list[T]], Awaitable[Sequence[A]]],
        *,
        largest: int = 500,
        at_once: int = 2,
        linger: float = 0.0,
    ) -> None:
        self._name = name
        self._write = write
        self._largest = largest
        self._free = at_once
        self._linger = linger
        self._timer: asyncio.Handle | None = None
        self._waiting: list[tuple[T, asyncio.Future[A]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, item: T) -> A:
        """Returns the item's answer once the group it went with is written."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        self._schedule()
        return await answer

    def _schedule(self) -> None:
        """Has what waits written soon, one turn of the loop from now at the earliest: whoever else is ready then comes
        along."""
        if self._free and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._linger, self._flush) if self._linger else loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._timer = None
        # who does not wait any more was told that nothing is known: what has not begun is not begun late
        self._waiting = [(item, answer) for item, answer in self._waiting if not answer.cancelled()]
        while self._free and self._waiting:
            group, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
            self._free -= 1
            task = asyncio.ensure_future(self._run(group))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, group: list[tuple[T, asyncio.Future[A]]]) -> None:
        metrics.observe(metrics.GROUP_COMMIT_SIZE, len(group), collection=self._name)
        try:
            answers = await self._write([item for item, _ in group])
        except BaseException as error:
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            for (_, answer), value in zip(group, answers, strict=True):
                if not answer.done():
                    answer.set_result(value)
        finally:
            self._free += 1
            if self._waiting:
                self._schedule()

    async def drain(self) -> None:
        """Returns when nothing is waiting or being written."""
        self._linger = 0.0
        self._flush()
        while self._running or self._waiting:
            await asyncio.wait(self._running) if self._running else await asyncio.sleep(0)


class Insert(Enum):
    """What became of one document of a grouped insert."""

    DONE = "done"
    EXISTS = "exists"
    TOO_LARGE = "too_large"


@dataclass(frozen=True)
class Inserted:
    """`key` is the pattern of the unique index that an EXISTS broke on."""

    result: Insert
    key: Mapping[str, Any] | None = None


async def insert_group(collection: AsyncIOMotorCollection, documents: Sequence[Mapping[str, Any]]) -> list[Inserted]:
    """Inserts the documents in one call; answers for each, in order.

    Each is encoded and measured first: one that is too large would take its neighbours down with it. Raises
    BulkWriteError where the write concern failed or for any error but a duplicate key: the outcome is unknown then.
    """
    answers = [Inserted(Insert.DONE)] * len(documents)
    encoded: list[bson.raw_bson.RawBSONDocument] = []
    places: list[int] = []
    for place, document in enumerate(documents):
        data = bson.encode(document)
        if len(data) > MAX_DOCUMENT:
            answers[place] = Inserted(Insert.TOO_LARGE)
            continue
        encoded.append(bson.raw_bson.RawBSONDocument(data))
        places.append(place)
    if not encoded:
        return answers
    try:
        await collection.insert_many(encoded, ordered=False)
    except BulkWriteError as error:
        details = error.details or {}
        failures = details.get("writeErrors", [])
        if details.get("writeConcernErrors") or any(failure["code"] != DUPLICATE_KEY for failure in failures):
            raise
        for failure in failures:
            answers[places[failure["index"]]] = Inserted(Insert.EXISTS, failure.get("keyPattern"))
    return answers
