"""A service's part in erasures: it hears of them, does them in passes, and confirms.

What was being written while an erasure was heard may hold the person still: every process has heard of it a second
later, and has written what it held `settle_seconds` later, when a last pass finds what the first could not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from shared.contracts.commands import Asked
from shared.contracts.erasures import Erased
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.purposes import erasure_purpose
from shared.contracts.topics import COMMANDS
from shared.contracts.webhooks import WebhookAttempt
from shared.failpoints import reach
from shared.kafka.batch import Handler, Incoming, R
from shared.kafka.fetching import Fetching
from shared.kafka.publish import Outgoing
from shared.loops import Loops
from shared.mongo.erasures import LEASE_SECONDS, Erasure, ErasureLog, KnownErasures
from shared.mongo.outbox import Outbox
from shared.service import Base

WORK_SECONDS = 1.0

Counts = Mapping[str, int]
Note = Callable[[Counts], Awaitable[None]]
"""Writes what is about to be deleted, which nobody could count any more after a kill."""
Erase = Callable[[Erasure, Note], Awaitable[Counts]]
"""One pass: erases what there is, and returns what it found by kind, found before or not. Safe to repeat, and to be
stopped anywhere. Raises StillWaitingError where something has to end first."""


def part_done() -> None:
    """To be called between two parts of a pass: the process may die here."""
    reach("erasures.part")


class StillWaitingError(Exception):
    """Mail of the person is under way: a further pass must follow. `counts` is what this one found."""

    def __init__(self, counts: Counts) -> None:
        super().__init__("mail of the person is under way")
        self.counts = counts


class Erasing:
    """One service's erasures. To be attached in the role that consumes what the service writes by."""

    def __init__(self, base: Base, erase: Erase, lease_seconds: float = LEASE_SECONDS) -> None:
        settings = base.settings
        self._base = base
        self._service = base.name
        self._erase = erase
        self._log = ErasureLog(base.database, lease_seconds)
        self._renew_seconds = lease_seconds / 3
        self._box = settings.secret_box
        self._settle = settings.erasure_settle_seconds
        self.outbox = Outbox(self._log.collection, base.publisher, lambda document: [self._confirmation(document)])

    def attach(self) -> None:
        """Attaches the consumer of `mail.commands`."""
        self._base.consume("erasures", {COMMANDS: Asked}, self.hear, Fetching.unhurried(self._base.settings))

    def start(self, loops: Loops) -> None:
        loops.every("erasures.work", min(WORK_SECONDS, self._base.settings.sweep_seconds), self.work)
        loops.every("erasures.sweep", self._base.settings.sweep_seconds, lambda: self.outbox.sweep(older_than=0))

    async def hear(self, batch: list[Incoming[Asked]]) -> None:
        asked = {one.record.erase.erasure_id: one.record.erase for one in batch if one.record.erase}
        if asked:
            await self._log.hear(list(asked.values()))

    async def work(self) -> bool:
        """Does one pass of one erasure; True where there may be more to do."""
        found = await self._log.claim()
        if found is None:
            return False
        address = self._box.open(found["address"], erasure_purpose(found["_id"])).decode()
        erasure = Erasure(found["_id"], found["workspace_id"], address, found["address_hmac"], found["occurred_at"])
        left = self._settle - (found["pass_at"] - found["heard_at"]).total_seconds()
        try:
            counts = await self._under_lease(found, erasure)
        except StillWaitingError as waiting:
            await self._log.again(found, waiting.counts, max(WORK_SECONDS, min(left, self._settle)))
            return True
        if counts is None:
            return True
        reach("erasures.redacted")
        if left > 0:
            await self._log.again(found, counts, left)
        else:
            await self._log.end(found, counts)
        return True

    async def _under_lease(self, found: Mapping[str, Any], erasure: Erasure) -> Counts | None:
        """A pass, however long it takes: nobody else begins one meanwhile. None where somebody has, and it was given
        up."""
        work = asyncio.ensure_future(self._erase(erasure, lambda counts: self._log.note(found, counts)))
        try:
            while not (await asyncio.wait({work}, timeout=self._renew_seconds))[0]:
                if not await self._log.renew(found):
                    return None
            return work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    def _confirmation(self, document: Mapping[str, Any]) -> Outgoing:
        record = Erased(
            erasure_id=document["_id"],
            workspace_id=document["workspace_id"],
            service=self._service,
            counts=document.get("counts", {}),
            began_at=document["began_at"],
            occurred_at=document["ended_at"],
        )
        return Outgoing(COMMANDS, document["address_hmac"], record.encode())


def without_the_erased(known: KnownErasures, handler: Handler[R]) -> Handler[R]:
    """A handler whose records show nobody who was erased since they were published."""

    async def handle(batch: list[Incoming[R]]) -> None:
        await known.fresh()
        await handler([_redacted(known, one) for one in batch] if known else batch)

    return handle


def _redacted(known: KnownErasures, incoming: Incoming[R]) -> Incoming[R]:
    record: Any = incoming.record
    match record:
        case Event():
            shown: Any = known.event(record)
        case Message():
            shown = known.message(record)
        case WebhookAttempt():
            shown = _attempt(known, record)
        case _:
            shown = record
    return incoming if shown is record else replace(incoming, record=shown)


def _attempt(known: KnownErasures, attempt: WebhookAttempt) -> WebhookAttempt:
    """Of an attempt about an erased person's message nothing is left of what the endpoint said."""
    digest = attempt.address_hmac
    if digest is not None and known.of_hmac(attempt.workspace_id, digest, attempt.message_id):
        return attempt.with_changes(excerpt="")
    return attempt
