"""Ingest's part in erasures: contact, messages, what was accepted, hits on links, and what the messages said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from services.ingest.disposal import Disposal
from services.ingest.redaction import changes_of_submission, update_of_message
from services.ingest.store.erasing import SUBMISSIONS_AT_ONCE, Document, Persons
from shared.contracts.events import Event
from shared.erasing import Counts, Note, part_done
from shared.erasure import redacted_event
from shared.mongo.erasures import Erasure
from shared.service import Base


class MailErasing:
    """One pass goes through all messages to the person that are older than the erasure, in batches.

    A message is redacted after everything that only it leads to, so that what a kill leaves is found again.
    """

    def __init__(self, base: Base, disposal: Disposal) -> None:
        self._persons = Persons(base.database)
        self._disposal = disposal

    async def erase(self, erasure: Erasure, note: Note) -> Counts:
        counts: Counter[str] = Counter(dict.fromkeys(("contacts", "messages", "submissions", "hits", "contents"), 0))
        workspaces = await self._persons.workspaces(erasure)
        contacts = await self._persons.contacts(workspaces, erasure)
        await note({"contacts": len(contacts)})
        for contact in contacts:
            await self._persons.delete_contact(contact)
        part_done()
        for workspace_id in workspaces:
            seen: set[str] = set()
            async for ids in self._persons.looked_after(workspace_id, erasure):
                counts.update(await self._submissions(workspace_id, ids, seen, erasure))
            after = ""
            while batch := await self._persons.messages(workspace_id, erasure, after):
                after = batch[-1]["_id"]
                counts.update(await self._messages(workspace_id, batch, seen, erasure))
                part_done()
        return dict(counts)

    async def _messages(self, workspace_id: str, batch: list[Document], seen: set[str], erasure: Erasure) -> Counts:
        """`seen` are the ids of the submissions that the pass has looked at."""
        hits = await self._persons.hits([each["_id"] for each in batch])
        events = {
            each["_id"]: redacted_event(Event.decode(each["event"]), erasure.address_hmac)
            for each in hits
            if "event" in each
        }
        await self._persons.redact_hits({id_: event.encode() for id_, event in events.items()})
        replies = [
            event["event_id"]
            for each in batch
            for event in each.get("events", {}).values()
            if event["type"] == "replied"
        ]
        passed_on = await self._persons.passed_on(workspace_id, replies)
        ids = [*passed_on, *(each["submission_id"] for each in batch if "submission_id" in each)]
        counts = await self._submissions(workspace_id, ids, seen, erasure)
        part_done()
        await self._persons.redact_messages({each["_id"]: update_of_message(each, erasure) for each in batch})
        return {**counts, "messages": len(batch), "hits": len(hits)}

    async def _submissions(self, workspace_id: str, ids: Iterable[str], seen: set[str], erasure: Erasure) -> Counts:
        """Those that the pass has not `seen`, some at a time."""
        counts: Counter[str] = Counter()
        new = list(dict.fromkeys(each for each in ids if each not in seen))
        seen.update(new)
        for start in range(0, len(new), SUBMISSIONS_AT_ONCE):
            counts.update(await self._some(workspace_id, new[start : start + SUBMISSIONS_AT_ONCE], erasure))
        return counts

    async def _some(self, workspace_id: str, ids: Collection[str], erasure: Erasure) -> Counts:
        """What a request said goes when all of its messages have ended; what waits of the person's is canceled."""
        found = await self._persons.submissions(workspace_id, ids)
        now = datetime.now(UTC)
        await self._persons.dispose([each["_id"] for each in found])
        changes = {each["_id"]: changes_of_submission(each, erasure, now) for each in found}
        await self._persons.redact_submissions(changes)
        part_done()
        there = [each["_id"] for each in found]
        await self._disposal.settle(there)
        return {"submissions": len(found), "contents": await self._persons.disposed(there)}
