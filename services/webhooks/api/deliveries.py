"""What is to be posted and was: one delivery for each event and endpoint."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.webhooks.api.delivery_actions import DeliveryActions
from services.webhooks.api.endpoint_actions import EndpointActions
from services.webhooks.delivery_schemas import DeliveryDetail, DeliveryPage, EndpointListing, WorkspaceListing
from shared.api import json_response
from shared.auth import Principal
from shared.openapi.operations import KEY, replies

NO_RETRY = "It succeeded, or is being posted now (`code`), or the endpoint is disabled"
Wait = Annotated[float, Query(ge=0, le=20, description="seconds to wait for the first attempt")]


def add_workspace_deliveries(router: APIRouter, deliveries: DeliveryActions, owner: Any) -> None:
    """To be added before what is asked of one endpoint: its path would be taken for an endpoint's."""

    @router.get(
        "/deliveries", operation_id="list_webhook_deliveries",
        responses=replies(200, DeliveryPage, "A page", *KEY, 422),
    )  # fmt: skip
    async def list_all(listing: Annotated[WorkspaceListing, Query()], principal: Principal = owner) -> Response:
        """List the workspace's deliveries over all endpoints, newest first."""
        return json_response(200, await deliveries.page(principal.workspace_id, listing.endpoint, listing))


def add_deliveries(router: APIRouter, endpoints: EndpointActions, deliveries: DeliveryActions, owner: Any) -> None:
    @router.get(
        "/{id}/deliveries", operation_id="list_webhook_endpoint_deliveries",
        responses=replies(200, DeliveryPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def list_deliveries(
        id: str, listing: Annotated[EndpointListing, Query()], principal: Principal = owner
    ) -> Response:
        """List an endpoint's deliveries, newest first."""
        await endpoints.found(principal.workspace_id, id)
        return json_response(200, await deliveries.page(principal.workspace_id, id, listing))

    @router.get(
        "/{id}/deliveries/{delivery}", operation_id="get_webhook_delivery",
        responses=replies(200, DeliveryDetail, "The delivery", *KEY, 404),
    )  # fmt: skip
    async def show(id: str, delivery: str, principal: Principal = owner) -> Response:
        """One delivery: what is posted, where to, and every attempt."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(200, await deliveries.detail(endpoint, delivery))

    @router.post(
        "/{id}/deliveries/{delivery}/retry", status_code=202, operation_id="retry_webhook_delivery",
        responses=replies(202, DeliveryDetail, "The delivery, due now", *KEY, 404, 409, _409=NO_RETRY),
    )  # fmt: skip
    async def retry(id: str, delivery: str, principal: Principal = owner) -> Response:
        """Post a delivery again now, under the same id and with the same bytes: one that failed or was canceled, or one
        that waits. One that had ended begins its schedule of retries anew."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(202, await deliveries.retry(endpoint, delivery))


def add_testing(router: APIRouter, endpoints: EndpointActions, deliveries: DeliveryActions, owner: Any) -> None:
    @router.post(
        "/{id}/test", status_code=202, operation_id="test_webhook_endpoint",
        responses=replies(
            202, DeliveryDetail, "The test's delivery", *KEY, 404, 409, 422, _409="The endpoint is disabled"
        ),
    )  # fmt: skip
    async def post_test(id: str, wait: Wait = 0, principal: Principal = owner) -> Response:
        """Post a `webhook.test` to an endpoint now, whatever types it asks for. It is a delivery like any other, and
        tried again like any other."""
        return json_response(202, await deliveries.test(await endpoints.found(principal.workspace_id, id), wait))
