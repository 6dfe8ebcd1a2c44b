"""What was posted to an endpoint."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from services.webhooks.api.endpoints import found_endpoint
from services.webhooks.api.pages import Pages
from services.webhooks.endpoints import Endpoints
from services.webhooks.event_types import WebhookType
from services.webhooks.outcomes import JobState
from services.webhooks.schemas import AttemptPage
from services.webhooks.store.attempts import Attempts
from shared.auth import Principal
from shared.contracts.record import rfc3339
from shared.openapi.operations import KEY, Cursor, Limit, replies


def add_deliveries(router: APIRouter, endpoints: Endpoints, attempts: Attempts, pages: Pages, owner: Any) -> None:
    @router.get(
        "/{id}/deliveries", operation_id="list_webhook_attempts",
        responses=replies(200, AttemptPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def show_attempts(
        id: str,
        filters: Annotated[Filters, Depends()],
        limit: Limit = 50,
        cursor: Cursor = None,
        principal: Principal = owner,
    ) -> Response:
        """List an endpoint's attempts, newest first. `state` is what the attempt made of its delivery."""
        found_endpoint(await endpoints.get(principal.workspace_id, id))
        query = f"{principal.workspace_id}:deliveries:{id}:{filters.condition}"
        before = pages.after(cursor, query)
        found = await attempts.find(principal.workspace_id, id, filters.condition, before, limit + 1)
        return pages.reply([_attempt(document) for document in found], limit, query)


class Filters:
    """What attempts are looked for."""

    def __init__(self, state: JobState | None = None, event: WebhookType | None = None) -> None:
        self.condition: dict[str, Any] = {}
        if state is not None:
            self.condition["state"] = str(state)
        if event is not None:
            self.condition["event_type"] = event


def _attempt(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": document["_id"],
        "message_id": document["message_id"],
        "event_id": document["event_id"],
        "event_type": document["event_type"],
        "attempt": document["attempt"],
        "state": document["state"],
        "status": document["status"],
        "error": document["error"],
        "ms": document["ms"],
        "excerpt": document["excerpt"],
        "occurred_at": rfc3339(document["occurred_at"]),
        "next_at": document["next_at"] and rfc3339(document["next_at"]),
    }
