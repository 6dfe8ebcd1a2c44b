"""What the suppression service holds of one person: `/v1/people/suppressions/{address}`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.suppression.erasing.store import ErasureStore
from shared.people import people_router
from shared.secrets import address_hmac
from shared.service import Base


def suppression_people(base: Base, store: ErasureStore) -> APIRouter:
    async def suppressions(workspace_id: str, address: str, before: str | None, limit: int) -> list[dict[str, Any]]:
        digest = address_hmac(base.settings.pepper_bytes, address)
        return await store.held(workspace_id, digest, before, limit)

    return people_router(base, {"suppressions": ("why they get no mail, with the evidence", suppressions)})
