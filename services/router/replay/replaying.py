"""Reads past decisions off `mail.events` and compares them, within bounds, one reading at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Literal

import orjson
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from services.router.replay.again import Comparison, decide_again
from services.router.replay.past import Past, past_of
from services.router.routes.configuration import Configuration
from services.router.routes.matching import Rules
from services.router.store.configurations import Configurations
from shared.contracts.topics import EVENTS
from shared.errors import ProblemError, unavailable
from shared.kafka.reading import read_topics
from shared.settings import SharedSettings

MOST_RECORDS = 2_000_000
MOST_SECONDS = 20.0
AT_ONCE = 100
"""Decisions made again before others have their turn on the event loop."""
DECISION = b'"inputs"'

Truncated = Literal["limit", "records", "time"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose decisions (`workspace_id` None: everybody's), of events published from `since` to `until`, at most `limit`.

    `drafts`, by a workspace's id or `platform`, stand in for the rules that are stored.
    """

    workspace_id: str | None
    since: datetime
    until: datetime
    limit: int
    drafts: Mapping[str, Rules] = field(default_factory=dict)


@dataclass(slots=True)
class Replay:
    """What was found; `records` were read, and `truncated` says which bound ended it before all were."""

    compared: Comparison = field(default_factory=Comparison)
    records: int = 0
    truncated: Truncated | None = None


class Replaying:
    """One at a time in a process: each reads what may be the mail of days."""

    def __init__(
        self,
        settings: SharedSettings,
        configurations: Configurations,
        *,
        most_records: int = MOST_RECORDS,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self._settings = settings
        self._configurations = configurations
        self._most_records = most_records
        self._most_seconds = most_seconds
        self._busy = asyncio.Lock()

    async def run(self, asked: Asked) -> Replay:
        """Raises a 429 problem while another one runs, and a 503 problem where Kafka does not answer."""
        if self._busy.locked():
            raise ProblemError(
                429, "replay_running", "Another replay runs now; please try again.", headers={"Retry-After": "5"}
            )
        async with self._busy:
            replay = Replay()
            try:
                async with asyncio.timeout(self._most_seconds):
                    await self._read(asked, replay)
            except TimeoutError:
                replay.truncated = "time"
            except KafkaError as error:
                raise unavailable("Kafka cannot be reached now; please try again.") from error
            return replay

    async def _read(self, asked: Asked, replay: Replay) -> None:
        seen: set[tuple[str, int]] = set()
        known: dict[str, Configuration] = {}
        end = time.monotonic() + self._most_seconds
        async with aclosing(read_topics(self._settings, [EVENTS], asked.since)) as batches:
            async for batch in batches:
                replay.records += len(batch)
                events = _decisions(batch, asked)
                while some := list(islice(events, AT_ONCE)):
                    fresh = list(_fresh(some, seen, replay.compared))
                    await self._learn(known, fresh, asked)
                    for past in fresh:
                        if replay.compared.decisions >= asked.limit:
                            replay.truncated = "limit"
                            return
                        replay.compared.add(past, decide_again(past, known[past.message.workspace_id]))
                    await asyncio.sleep(0)
                if replay.records >= self._most_records:
                    replay.truncated = "records"
                    return
                if time.monotonic() >= end:
                    raise TimeoutError

    async def _learn(self, known: dict[str, Configuration], fresh: Sequence[Past], asked: Asked) -> None:
        """Looks up the configurations of workspaces that were not met before."""
        ids = {past.message.workspace_id for past in fresh} - known.keys()
        if ids:
            known |= await self._configurations.of_workspaces(dict.fromkeys(ids, 0), asked.drafts)


def _decisions(batch: Iterable[ConsumerRecord], asked: Asked) -> Iterator[Mapping[str, Any]]:
    """The events that may report a decision; what says nothing of the workspace or of one is not even parsed."""
    whose = asked.workspace_id.encode() if asked.workspace_id is not None else b""
    last = asked.until.timestamp() * 1000
    for record in batch:
        value = record.value or b""
        if DECISION not in value or whose not in value or record.timestamp > last:
            continue
        try:
            event = orjson.loads(value)
        except ValueError:  # nobody's: their consumers have dead-lettered it
            continue
        if asked.workspace_id in (None, event["workspace_id"]):
            yield event


def _fresh(events: Iterable[Mapping[str, Any]], seen: set[tuple[str, int]], compared: Comparison) -> Iterator[Past]:
    """Decisions that no event before has reported."""
    for event in events:
        key = event["message_id"], event["pass"]
        if key in seen:
            continue
        try:
            past = past_of(event)
        except ValueError:
            compared.unknown += 1
            continue
        if past is not None:
            seen.add(key)
            yield past
