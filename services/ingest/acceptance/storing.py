"""Storing what was accepted: contents, then the one document that decides, under its idempotency key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.acceptance.documents import Accepted, Plan, content_documents, submission_document
from services.ingest.acceptance.idempotency import still_running, stored_reply
from services.ingest.accounts.quota import Quota, Taken
from services.ingest.faults import TOO_LARGE
from services.ingest.store.submissions import KEY_PATTERN, NUMBER_PATTERN, Submissions
from shared.auth import Principal
from shared.contracts.topics import Lane
from shared.errors import Fault, ProblemError, unavailable
from shared.failpoints import reach
from shared.mongo.group_commit import Insert
from shared.telemetry import metrics
from shared.telemetry.tracing import Tracing
from shared.tokens import numbers

WAIT_FOR_HOLDER = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.25
TRIES = 3

Render = Callable[[Sequence[Accepted]], bytes]


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, by which door, under which traceparent, and with which idempotency key.

    Where `numbered`, the submission gets an integer of its own, for callers who know no other ids. Where `counted`, its
    recipients have been counted against the workspace's quota.
    """

    principal: Principal
    door: str
    trace: str | None
    key: str | None
    numbered: bool = False
    counted: bool = False

    def under(self, key: str | None) -> Call:
        """The same call with another key."""
        return replace(self, key=key)

    def with_number(self) -> Call:
        return replace(self, numbered=True)

    def already_counted(self) -> Call:
        return replace(self, counted=True)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """By which door an idempotency key was used, and when."""

    door: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Admitted:
    """The reply's bytes, and whether an earlier request gave them."""

    reply: bytes
    replayed: bool = False


class NumberTakenError(Exception):
    """Another submission has the number that was drawn for this one."""


class Storing:
    """Stores plans. Of requests with one key one is stored, and all of them get its reply."""

    def __init__(self, submissions: Submissions, quota: Quota, key_life: timedelta, tracing: Tracing) -> None:
        self._submissions = submissions
        self._tracing = tracing
        self._quota = quota
        self._key_life = key_life
        self._numbers = numbers()

    async def earlier_reply(self, call: Call, digest: bytes, now: datetime) -> bytes | None:
        """The reply that the call's key already stands for; raises a 422 problem where that was another request's."""
        assert call.key is not None
        holder = await self._submissions.key_holder(call.principal.workspace_id, call.key)
        return await self._reply_of(holder, call.key, digest, now) if holder else None

    async def first_use(self, call: Call, now: datetime) -> KeyUse | None:
        """The use that holds the call's key, None where there is none or it has ended."""
        assert call.key is not None
        holder = await self._submissions.key_holder(call.principal.workspace_id, call.key)
        if holder is None or holder["key_until"] <= now:
            return None
        return KeyUse(holder["door"], holder["key_until"] - self._key_life)

    async def count(self, principal: Principal, recipients: int) -> Taken | None:
        """Counts recipients against the workspace's quota, for calls that are `counted`; raises a 429 problem."""
        return await self._quota.take(principal.workspace_id, principal.workspace.daily_quota, recipients)

    async def keep_content(self, content_id: str, until: datetime) -> bool:
        """Has a content that is there live longer; False where it is gone."""
        return await self._submissions.keep_content(content_id, until)

    async def store(
        self, call: Call, plan: Plan, digest: bytes | None, render: Render, key_life: timedelta | None = None
    ) -> Admitted:
        """Contents first, then the one document that decides; `key_life` where a key is not held as long as others.

        What was counted against the workspace's quota comes back only where nothing was stored for sure.
        """
        counted = None if call.counted else await self.count(plan.principal, len(plan.recipients))
        if self._tracing.critical and plan.stream.lane is Lane.CRITICAL:
            plan = replace(plan, trace=self._tracing.keep(plan.trace))
        admitted = await self._store(call, plan, digest, render, key_life or self._key_life)
        if admitted.replayed and counted is not None:
            counted.give_back()
        return admitted

    async def _store(
        self, call: Call, plan: Plan, digest: bytes | None, render: Render, key_life: timedelta
    ) -> Admitted:
        if plan.content_id is None:
            contents = content_documents(plan)
            content_ids = {mailbox: document["_id"] for mailbox, document in contents.items()}
            await self._store_contents(list(contents.values()))
        else:
            content_ids = {one.origin.mailbox: plan.content_id for one in plan.recipients}
        for _ in range(TRIES):
            number = next(self._numbers) if call.numbered else None
            document, accepted = submission_document(plan, content_ids, number)
            reply = render(accepted)
            if call.key is not None:
                document |= {"key": call.key, "key_until": plan.accepted_at + key_life}
                document |= {"digest": digest, "reply": reply}
            reach("ingest.content_stored")
            try:
                replayed = await self._store_submission(call, document, digest)
            except NumberTakenError:
                continue
            if replayed is not None:
                return Admitted(replayed, replayed=True)
            reach("ingest.submission_stored")
            metrics.count(metrics.ACCEPTED, len(accepted), lane=plan.stream.lane.value, door=call.door)
            return Admitted(reply)
        raise _unknown()

    async def _store_contents(self, documents: list[dict[str, Any]]) -> None:
        if len(documents) == 1:
            results = [await self._submissions.add_content(documents[0])]
        else:
            results = await asyncio.gather(*map(self._submissions.add_content, documents))
        if Insert.TOO_LARGE in results:
            raise _too_large()
        if Insert.EXISTS in results:
            raise _unknown()

    async def _store_submission(self, call: Call, document: dict[str, Any], digest: bytes | None) -> bytes | None:
        """Stores the submission, or returns the reply of the request that holds its key."""
        for _ in range(TRIES):
            inserted = await self._submissions.add(document)
            if inserted.result is Insert.DONE:
                return None
            if inserted.result is Insert.TOO_LARGE:
                raise _too_large()
            if inserted.key == NUMBER_PATTERN:
                raise NumberTakenError
            if call.key is None or digest is None or inserted.key != KEY_PATTERN:
                raise _unknown()
            reply = await self._await_holder(call, call.key, digest)
            if reply is not None:
                return reply
        raise still_running()

    async def _await_holder(self, call: Call, key: str, digest: bytes) -> bytes | None:
        """The reply of the key's holder once it is majority-visible; None where the key has ended since."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + WAIT_FOR_HOLDER, FIRST_PAUSE
        while True:
            holder = await self._submissions.key_holder(call.principal.workspace_id, key)
            if holder is not None:
                return await self._reply_of(holder, key, digest, datetime.now(UTC))
            if loop.time() > end:
                raise still_running()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _reply_of(self, holder: Any, key: str, digest: bytes, now: datetime) -> bytes | None:
        reply = stored_reply(holder, digest, now)
        if reply is None:
            await self._submissions.release_key(holder, key)
        return reply


def _too_large() -> ProblemError:
    faults = [Fault("#", TOO_LARGE, "The message takes more than can be stored.")]
    return ProblemError(413, TOO_LARGE, "The message is too large.", errors=faults)


def _unknown() -> ProblemError:
    return unavailable("It is not known whether the request was stored; please try again.")
