"""Test events."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.webhooks.api.deliveries import DeliveryReader, require_enabled
from services.webhooks.api.endpoints import found_endpoint
from services.webhooks.delivery_schemas import DeliveryDetail
from services.webhooks.endpoints import Endpoints
from services.webhooks.store.jobs import Jobs
from services.webhooks.testing import new_test
from shared.api import json_response
from shared.auth import Principal
from shared.openapi.operations import KEY, replies

LOOK_SECONDS = 0.1
Wait = Annotated[float, Query(ge=0, le=20, description="seconds to wait for the first attempt")]


def add_testing(router: APIRouter, endpoints: Endpoints, jobs: Jobs, reader: DeliveryReader, owner: Any) -> None:
    @router.post(
        "/{id}/test", status_code=202, operation_id="test_webhook_endpoint",
        responses=replies(
            202, DeliveryDetail, "The test's delivery", *KEY, 404, 409, 422, _409="The endpoint is disabled"
        ),
    )  # fmt: skip
    async def post_test(id: str, wait: Wait = 0, principal: Principal = owner) -> Response:
        """Post a `webhook.test` to an endpoint now, whatever types it asks for. It is a delivery like any other, and
        tried again like any other."""
        endpoint = found_endpoint(await endpoints.get(principal.workspace_id, id))
        require_enabled(endpoint)
        now = datetime.now(UTC)
        job = new_test(principal.workspace_id, id, now)
        await jobs.insert([job], now)
        until = time.monotonic() + wait
        shown = await reader.detail(endpoint, job.id)
        while not shown["attempt_count"] and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
            shown = await reader.detail(endpoint, job.id)
        return json_response(202, shown)
