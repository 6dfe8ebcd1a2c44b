"""What the webhooks service holds of one person: `/v1/people/webhooks/{address}`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.webhooks.store.erasing import Persons
from shared.people import people_router
from shared.secrets import address_hmac
from shared.service import Base


def webhooks_people(base: Base) -> APIRouter:
    persons = Persons(base.database)

    async def webhooks(workspace_id: str, address: str, before: str | None, limit: int) -> list[dict[str, Any]]:
        digest = address_hmac(base.settings.pepper_bytes, address)
        return await persons.page(workspace_id, digest, before, limit)

    return people_router(base, {"webhooks": ("what endpoints were told of them, and each attempt", webhooks)})
