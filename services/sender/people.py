"""What the sender holds of one person: `/v1/people/deliveries/{address}`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.sender.store.erasing import Persons
from shared.people import people_router
from shared.secrets import address_hmac
from shared.service import Base


def sender_people(base: Base) -> APIRouter:
    persons = Persons(base.database)

    async def deliveries(workspace_id: str, address: str, before: str | None, limit: int) -> list[dict[str, Any]]:
        digest = address_hmac(base.settings.pepper_bytes, address)
        return await persons.page(workspace_id, digest, before, limit)

    return people_router(base, {"deliveries": ("deliveries, and what came back of them by mail", deliveries)})
