"""What is to be posted and was: one delivery for each event and endpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.webhooks.api.endpoints import found_endpoint
from services.webhooks.api.pages import Pages
from services.webhooks.delivery_schemas import DeliveryDetail, DeliveryPage, EndpointListing, WorkspaceListing
from services.webhooks.endpoints import Endpoints
from services.webhooks.outcomes import JobState
from services.webhooks.store.attempts import Attempts
from services.webhooks.store.deliveries import Deliveries, Wanted
from services.webhooks.views import delivery_detail, delivery_view
from shared.api import json_response
from shared.auth import Principal
from shared.errors import ProblemError, not_found
from shared.mongo.entities import Entity
from shared.openapi.operations import KEY, replies

SHOWN_ATTEMPTS = 100
NO_RETRY = "It succeeded, or is being posted now (`code`), or the endpoint is disabled"


class DeliveryReader:
    """Finds deliveries and shows them."""

    def __init__(self, deliveries: Deliveries, attempts: Attempts, pages: Pages) -> None:
        self.deliveries = deliveries
        self._attempts = attempts
        self._pages = pages

    async def page(self, workspace_id: str, endpoint_id: str | None, listing: EndpointListing) -> Response:
        wanted = Wanted(
            workspace_id, endpoint_id, listing.state, listing.event, listing.message, listing.since, listing.until
        )
        query = f"deliveries:{wanted}"
        place = self._pages.position(listing.cursor, query)
        before = (datetime.fromisoformat(place[0]), str(place[1])) if place else None
        found = await self.deliveries.page(wanted, before, listing.limit + 1)
        now = datetime.now(UTC)
        rows = [delivery_view(job, now) for job in found]
        return self._pages.reply(rows, listing.limit, query, lambda row: [row["created_at"], row["id"]])

    async def detail(self, endpoint: Entity, id_: str) -> dict[str, Any]:
        """Raises a 404 problem."""
        workspace_id = endpoint.workspace_id or ""
        job = await self.deliveries.get(workspace_id, endpoint.id, id_)
        if job is None:
            raise not_found("delivery")
        attempts = await self._attempts.of_delivery(workspace_id, id_, SHOWN_ATTEMPTS)
        return delivery_detail(job, attempts, endpoint.data, datetime.now(UTC))


def add_workspace_deliveries(router: APIRouter, reader: DeliveryReader, owner: Any) -> None:
    """To be added before what is asked of one endpoint: its path would be taken for an endpoint's."""

    @router.get(
        "/deliveries", operation_id="list_webhook_deliveries",
        responses=replies(200, DeliveryPage, "A page", *KEY, 422),
    )  # fmt: skip
    async def list_all(listing: Annotated[WorkspaceListing, Query()], principal: Principal = owner) -> Response:
        """List the workspace's deliveries over all endpoints, newest first."""
        return await reader.page(principal.workspace_id, listing.endpoint, listing)


def add_deliveries(router: APIRouter, endpoints: Endpoints, reader: DeliveryReader, owner: Any) -> None:
    @router.get(
        "/{id}/deliveries", operation_id="list_webhook_endpoint_deliveries",
        responses=replies(200, DeliveryPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def list_deliveries(
        id: str, listing: Annotated[EndpointListing, Query()], principal: Principal = owner
    ) -> Response:
        """List an endpoint's deliveries, newest first."""
        found_endpoint(await endpoints.get(principal.workspace_id, id))
        return await reader.page(principal.workspace_id, id, listing)

    @router.get(
        "/{id}/deliveries/{delivery}", operation_id="get_webhook_delivery",
        responses=replies(200, DeliveryDetail, "The delivery", *KEY, 404),
    )  # fmt: skip
    async def show(id: str, delivery: str, principal: Principal = owner) -> Response:
        """One delivery: what is posted, where to, and every attempt."""
        endpoint = found_endpoint(await endpoints.get(principal.workspace_id, id))
        return json_response(200, await reader.detail(endpoint, delivery))

    @router.post(
        "/{id}/deliveries/{delivery}/retry", status_code=202, operation_id="retry_webhook_delivery",
        responses=replies(202, DeliveryDetail, "The delivery, due now", *KEY, 404, 409, _409=NO_RETRY),
    )  # fmt: skip
    async def retry(id: str, delivery: str, principal: Principal = owner) -> Response:
        """Post a delivery again now, under the same id and with the same bytes: one that failed or was canceled, or one
        that waits. One that had ended begins its schedule of retries anew."""
        endpoint = found_endpoint(await endpoints.get(principal.workspace_id, id))
        await reader.detail(endpoint, delivery)
        require_enabled(endpoint)
        retried = await reader.deliveries.retry(principal.workspace_id, id, delivery)
        shown = await reader.detail(endpoint, delivery)
        if not retried:
            raise _not_retried(shown["state"])
        return json_response(202, shown)


def require_enabled(endpoint: Entity) -> None:
    """Raises a 409 problem where nothing is posted to an endpoint."""
    if not endpoint.data["enabled"]:
        raise ProblemError(409, "endpoint_disabled", "The endpoint is disabled: enable it first.")


def _not_retried(state: str) -> ProblemError:
    if state == JobState.SUCCEEDED:
        return ProblemError(409, "succeeded", "The delivery has succeeded: a replay posts it again.")
    return ProblemError(409, "processing", "The delivery is being posted now: its outcome comes first.")
