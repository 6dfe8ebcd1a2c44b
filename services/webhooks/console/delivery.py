"""One delivery: its event, what is posted, and every attempt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.webhooks.api.router import SCOPE, Actions
from services.webhooks.console.account import account_of
from services.webhooks.console.faults import outcome
from services.webhooks.console.naming import PATH, name_of, path_of
from services.webhooks.states import DeliveryState
from shared.console.console import Console
from shared.console.forms import read_form
from shared.console.gate import Visitor, safe_target

ONE = f"{PATH}/{{id}}/deliveries/{{delivery}}"
RETRIABLE = frozenset(
    {DeliveryState.PENDING, DeliveryState.RETRYING, DeliveryState.FAILED, DeliveryState.CANCELED}
)  # fmt: skip


def delivery_pages(console: Console, actions: Actions) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed, may_act = console.gate.page(SCOPE), console.gate.action(SCOPE)

    async def found(visitor: Visitor, id_: str, delivery_id: str) -> dict[str, Any]:
        endpoint = await actions.endpoints.found(visitor.workspace_id, id_)
        delivery = await actions.deliveries.detail(endpoint, delivery_id)
        return {"endpoint": actions.endpoints.shown.endpoint(endpoint), **shown(delivery)}

    @router.get(ONE)
    async def show(request: Request, id: str, delivery: str, visitor: Visitor = allowed) -> Response:
        parts = await found(visitor, id, delivery)
        return pages.show(request, visitor, "delivery.html", name=name_of(parts["endpoint"]), **parts)

    @router.get(f"{ONE}/live")
    async def follow(request: Request, id: str, delivery: str, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            return pages.part("delivery_story.html", **await found(visitor, id, delivery))

        return await console.live(request, render)

    @router.post(f"{ONE}/retry")
    async def retry(request: Request, id: str, delivery: str, visitor: Visitor = may_act) -> Response:
        endpoint = await actions.endpoints.found(visitor.workspace_id, id)
        await actions.deliveries.retry(endpoint, delivery)
        back = (await read_form(request, "back"))["back"] or f"{path_of(id)}/deliveries/{delivery}"
        return pages.go(safe_target(back), "It is due now, and posted again in a moment.")

    return router


def shown(delivery: Mapping[str, Any]) -> dict[str, Any]:
    """A delivery as its page shows it."""
    attempts = delivery["attempts"]
    return {
        "delivery": delivery,
        "account": account_of(delivery, datetime.now(UTC)),
        "attempts": [{**each, "words": outcome(each["status"], each["error"])} for each in attempts],
        "payload": orjson.dumps(delivery["payload"], option=orjson.OPT_INDENT_2).decode(),
        "retriable": delivery["state"] in RETRIABLE,
    }
