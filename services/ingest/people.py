"""What ingest holds of one person: `/v1/people/{messages,contacts,contact-events}/{address}`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.ingest.projection.views import content_view
from services.ingest.store.people import People
from shared.content import ContentStore
from shared.contracts.messages import Message
from shared.people import people_router
from shared.service import Base

Document = dict[str, Any]


class PeopleReader:
    """Reads in pages, each in a few queries."""

    def __init__(self, base: Base) -> None:
        self._people = People(base.database)
        self._contents = ContentStore(base.content_database)

    async def messages(self, workspace_id: str, address: str, before: str | None, limit: int) -> list[Document]:
        """Messages with their events and webhooks, and with what they say as long as that is kept."""
        found = await self._people.messages(workspace_id, address, before, limit)
        records = await self._people.records(workspace_id, [each["submission_id"] for each in found])
        of_message = {id_: Message.decode(record).content_id for id_, record in records.items()}
        contents = await self._contents.load(of_message.values(), most=0)
        said = {
            id_: content_view(id_, contents[content_id])
            for id_, content_id in of_message.items()
            if content_id in contents
        }
        return [{**each, "content": said.get(each["_id"])} for each in found]

    async def contacts(self, workspace_id: str, address: str, before: str | None, limit: int) -> list[Document]:
        return await self._people.contacts(workspace_id, address, before, limit)

    async def contact_events(self, workspace_id: str, address: str, before: str | None, limit: int) -> list[Document]:
        return await self._people.contact_events(workspace_id, address, before, limit)


def ingest_people(base: Base) -> APIRouter:
    reader = PeopleReader(base)
    return people_router(
        base,
        {
            "messages": ("messages, what became of them, and what they say", reader.messages),
            "contacts": ("the contact with its attributes", reader.contacts),
            "contact-events": ("what the application has recorded about the contact", reader.contact_events),
        },
    )
