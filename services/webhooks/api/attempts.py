"""What was posted to an endpoint."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.webhooks.api.endpoint_actions import EndpointActions
from services.webhooks.api.pages import Pages
from services.webhooks.delivery_schemas import AttemptListing, AttemptPage
from services.webhooks.outcomes import JobState
from services.webhooks.states import ENDS, DeliveryState
from services.webhooks.store.attempts import Attempts
from services.webhooks.views import attempt_view
from shared.api import json_response
from shared.auth import Principal
from shared.openapi.operations import KEY, replies


def add_attempts(router: APIRouter, endpoints: EndpointActions, attempts: Attempts, pages: Pages, owner: Any) -> None:
    @router.get(
        "/{id}/attempts", operation_id="list_webhook_attempts",
        responses=replies(200, AttemptPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def list_attempts(
        id: str, listing: Annotated[AttemptListing, Query()], principal: Principal = owner
    ) -> Response:
        """List the posts to an endpoint, of all its deliveries, newest first."""
        await endpoints.found(principal.workspace_id, id)
        condition = _condition(listing)
        query = f"{principal.workspace_id}:attempts:{id}:{condition}"
        before = pages.after(listing.cursor, query)
        found = await attempts.find(principal.workspace_id, id, condition, before, listing.limit + 1)
        return json_response(200, pages.page([attempt_view(document) for document in found], listing.limit, query))


def _condition(listing: AttemptListing) -> dict[str, Any]:
    condition: dict[str, Any] = {}
    if listing.state is not None:
        condition["state"] = str(ENDS.get(DeliveryState(listing.state), JobState.WAITING))
    if listing.event is not None:
        condition["event_type"] = listing.event
    return condition
