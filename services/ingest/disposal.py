"""Deletes what messages said once all of them have ended, where their workspace keeps no content or one of the
recipients was erased. Whoever sees an end calls it; the sweeper does, too, for ends that nobody saw.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from services.ingest.projection.fold import ENDED
from services.ingest.store.disposal import Disposals
from services.ingest.store.messages import Messages
from shared.content import ContentStore
from shared.contracts.messages import Message
from shared.service import Base

Document = Mapping[str, Any]


class Disposal:
    """A content goes when no message of the submissions that use it is under way: whoever retries reads it again."""

    def __init__(self, base: Base) -> None:
        self._disposals = Disposals(base.database)
        self._messages = Messages(base.database)
        self._contents = ContentStore(base.content_database)

    async def settle(self, submission_ids: Collection[str]) -> int:
        """Deletes the contents of those of the submissions that may lose them now; returns how many contents."""
        flagged = await self._disposals.flagged(submission_ids) if submission_ids else []
        if not flagged:
            return 0
        flagged = await self._with_firsts(flagged)
        contents = {each["_id"]: _contents_of(each) for each in flagged}
        sharing = await self._disposals.sharing({one for some in contents.values() for one in some})
        living = await self._living([*flagged, *sharing])
        held = {content for each in (*flagged, *sharing) if each["_id"] in living for content in _contents_of(each)}
        ready = [each for each in flagged if not held & contents[each["_id"]]]
        count = await self._contents.delete(content for each in ready for content in contents[each["_id"]])
        if ready:
            ids = [message["id"] for each in ready for message in each["messages"]]
            await self._disposals.done([each["_id"] for each in ready], ids)
        return count

    async def _with_firsts(self, flagged: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """With the submissions of what was sent again: an end of the last of them is one of the first, too."""
        found = {each["_id"]: each for each in flagged}
        again = [each for each in flagged if "shares" in each]
        while again:
            older: list[dict[str, Any]] = []
            for workspace_id in {each["workspace_id"] for each in again}:
                names = [name for each in again if each["workspace_id"] == workspace_id for name in _resent(each)]
                older += await self._disposals.with_messages(workspace_id, names)
            new = [each for each in older if each["_id"] not in found]
            found |= {each["_id"]: each for each in new}
            again = [each for each in new if "shares" in each]
        return list(found.values())

    async def _living(self, submissions: list[dict[str, Any]]) -> set[str]:
        """Those of the submissions of which a message has not ended."""
        open_ = {each["_id"]: [one["id"] for one in each["messages"] if not _ended_here(one)] for each in submissions}
        heads = await self._messages.heads([id_ for ids in open_.values() for id_ in ids])
        return {
            submission
            for submission, ids in open_.items()
            if any(heads.get(id_, {}).get("status") not in ENDED for id_ in ids)
        }


def _ended_here(entry: Document) -> bool:
    """Whether ingest itself ended a message, which the read model may not have heard of yet."""
    return "canceled_at" in entry or "suppressed" in entry


def _records(submission: Document) -> Iterable[Message]:
    return (Message.decode(bytes(entry["record"])) for entry in submission["messages"])


def _contents_of(submission: Document) -> set[str]:
    return {record.content_id for record in _records(submission)}


def _resent(submission: Document) -> list[str]:
    return [record.resend_of for record in _records(submission) if record.resend_of]
