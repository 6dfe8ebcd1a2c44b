"""A read model full of mail, written by the projector's own code: some processes, a thousand messages at a time."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from motor.motor_asyncio import AsyncIOMotorDatabase

from services.ingest.projection.activity import Counted, Happening, of_acceptance, of_event, of_post
from services.ingest.projection.fold import Delta, add_subject, fold, webhook_delta
from services.ingest.store.activity_counts import ActivityCounts
from services.ingest.store.messages import Messages
from shared.mongo.client import make_client, open_database
from shared.settings import SharedSettings
from tests.bench.month_of_mail import Life, life

BATCH = 1000
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Part:
    """What one of `parts` processes writes: every so manieth batch, so that ids rise over all."""

    settings: SharedSettings
    workspace_id: str
    messages: int
    until: datetime
    part: int
    parts: int


def fill(settings: SharedSettings, workspace_id: str, messages: int, until: datetime) -> float:
    """Writes so many messages of the month before `until`, and the activity of its last day; returns the seconds."""
    began, parts = time.monotonic(), os.cpu_count() or 1
    with ProcessPoolExecutor(parts, multiprocessing.get_context("spawn")) as processes:
        list(
            processes.map(_fill, [Part(settings, workspace_id, messages, until, each, parts) for each in range(parts)])
        )
    return time.monotonic() - began


def _fill(part: Part) -> None:
    asyncio.run(_written(part))


async def _written(part: Part) -> None:
    client = make_client(part.settings)
    database = open_database(client, part.settings.database("ingest"))
    for begin in range(part.part * BATCH, part.messages, part.parts * BATCH):
        numbers = range(begin, min(begin + BATCH, part.messages))
        lives = [life(number, part.messages, part.until, part.workspace_id) for number in numbers]
        await Messages(database).write(deltas_of(lives))
        await _counted(
            database, [each for each in lives if each.message.accepted_at > part.until - DAY], part.part, begin
        )
    client.close()


def deltas_of(lives: Sequence[Life]) -> dict[str, Delta]:
    """What the projector writes of the messages once it has heard all of them."""
    deltas = fold(chain.from_iterable(each.events for each in lives))
    for each in lives:
        delta = deltas[each.message.message_id]
        add_subject(delta, each.subject)
        delta.smallest["times.published_at"] = each.message.accepted_at + timedelta(milliseconds=20)
        delta.add(webhook_delta(each.post))
    return deltas


async def _counted(database: AsyncIOMotorDatabase, lives: Sequence[Life], part: int, begin: int) -> None:
    """Each process is a partition of its own, whose records stand one behind the other."""
    happenings = chain.from_iterable(_happenings(each) for each in lives)
    offsets = enumerate(happenings, begin * 10)
    await ActivityCounts(database).add(Counted(f"bench:{part}", offset, each) for offset, each in offsets)


def _happenings(each: Life) -> Iterator[Happening]:
    if accepted := of_acceptance(each.message):
        yield accepted
    yield from map(of_event, each.events[1:])
    yield of_post(each.post)
