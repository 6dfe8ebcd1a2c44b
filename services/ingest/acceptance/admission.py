"""Admission: from a parsed request to messages that are durably there. Nothing but its return means accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.acceptance.documents import Accepted, Plan, content_documents, submission_document
from services.ingest.acceptance.faults import TOO_LARGE, Faults
from services.ingest.acceptance.idempotency import digest_of, still_running, stored_reply
from services.ingest.acceptance.send_request import SendRequest
from services.ingest.acceptance.senders import Origin, Senders
from services.ingest.acceptance.validation import Checked, Recipient, check
from services.ingest.contacts.lookup import ContactLookup
from services.ingest.settings import Settings
from services.ingest.store.submissions import KEY_PATTERN, Submissions
from shared.auth import Principal
from shared.errors import Fault, ProblemError, unavailable
from shared.failpoints import reach
from shared.mongo.entity_cache import EntityCache
from shared.mongo.group_commit import Insert
from shared.telemetry import metrics

WAIT_FOR_HOLDER = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.25
TRIES = 3

Render = Callable[[Sequence[Accepted]], bytes]


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, by which door, under which traceparent, and with which idempotency key."""

    principal: Principal
    door: str
    trace: str | None
    key: str | None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The reply's bytes, and whether an earlier request gave them."""

    reply: bytes
    replayed: bool = False


def require_sending(principal: Principal) -> None:
    """The workspace's own gates; raises a 403 problem with the members that callers of such APIs look for."""
    if "smtp.enabled" not in principal.workspace.features:
        raise ProblemError(
            403,
            "upgrade_needed",
            "This workspace has no access to sending.",
            members={"error": "upgrade_needed", "feature": "smtp.enabled"},
        )
    if not principal.workspace.owner_verified:
        raise ProblemError(
            403,
            "email_verification_required",
            "The address of the workspace's owner has to be verified before anything is sent.",
            members={"error": "email_verification_required"},
        )


class Admission:
    """Checks, resolves and stores requests; the one way in behind every door."""

    def __init__(
        self, cache: EntityCache, contacts: ContactLookup, submissions: Submissions, settings: Settings
    ) -> None:
        self._senders = Senders(cache, contacts)
        self._submissions = submissions
        self._life = timedelta(hours=settings.expires_hours)
        self._key_life = timedelta(hours=settings.idempotency_hours)

    async def admit(self, call: Call, request: SendRequest, faults: Faults, render: Render) -> Admitted:
        """Accepts the request, or replays the reply that its key stands for.

        `faults` are those found in reading it. Raises ProblemError, and PyMongoError where it is not known whether
        the request was stored.
        """
        now = _now()
        digest = None
        if call.key is not None and not any(faults):
            digest = digest_of(request)
            replayed = await self._reply_of_holder(call, call.key, digest, now)
            if replayed is not None:
                return Admitted(replayed, replayed=True)
        plan = await self._plan(call, request, faults, now)
        contents = content_documents(plan)
        document, accepted = submission_document(plan, contents)
        reply = render(accepted)
        if call.key is not None:
            document |= {"key": call.key, "key_until": now + self._key_life, "digest": digest, "reply": reply}
        await self._store_contents(list(contents.values()))
        reach("ingest.content_stored")
        replayed = await self._store_submission(call, document, digest)
        if replayed is not None:
            return Admitted(replayed, replayed=True)
        reach("ingest.submission_stored")
        metrics.ACCEPTED.labels(plan.stream.lane.value, call.door).inc(len(accepted))
        return Admitted(reply)

    async def _plan(self, call: Call, request: SendRequest, faults: Faults, now: datetime) -> Plan:
        principal = call.principal
        checked = check(request, principal.workspace, now, self._life, faults)
        origin = None
        if checked.sender is not None:
            origin = await self._senders.resolve(principal.workspace_id, checked.sender)
            if origin is None:
                faults.add("#/from", "sender_not_verified", "`from` is no verified sender, nor of a verified domain.")
        faults.raise_any()
        assert origin is not None
        recipients = await self._with_origins(principal.workspace_id, checked, origin)
        return Plan(principal, request, checked, recipients, call.door, now, call.trace)

    async def _with_origins(
        self, workspace_id: str, checked: Checked, origin: Origin
    ) -> list[tuple[Recipient, Origin]]:
        routed = await self._senders.routed(workspace_id, [one.address.lower() for one in checked.recipients])
        return [(one, routed.get(one.address.lower(), origin)) for one in checked.recipients]

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
                return await self._reply_of(holder, key, digest, _now())
            if loop.time() > end:
                raise still_running()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _reply_of_holder(self, call: Call, key: str, digest: bytes, now: datetime) -> bytes | None:
        holder = await self._submissions.key_holder(call.principal.workspace_id, key)
        return await self._reply_of(holder, key, digest, now) if holder else None

    async def _reply_of(self, holder: Any, key: str, digest: bytes, now: datetime) -> bytes | None:
        reply = stored_reply(holder, digest, now)
        if reply is None:
            await self._submissions.release_key(holder, key)
        return reply


def _now() -> datetime:
    """As MongoDB keeps it: to the millisecond."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _too_large() -> ProblemError:
    faults = [Fault("#", TOO_LARGE, "The message takes more than can be stored.")]
    return ProblemError(413, TOO_LARGE, "The message is too large.", errors=faults)


def _unknown() -> ProblemError:
    return unavailable("It is not known whether the request was stored; please try again.")
