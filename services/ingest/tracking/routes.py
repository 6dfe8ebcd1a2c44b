"""The routes that the links of a message lead to; they are open to everybody, and no part of `/v1`.

They open no spans: a span names its path, and the path holds the token.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest.tracking.answers import TrackedLinks
from services.ingest.tracking.pages import FIELD, ONE_CLICK, Wish
from shared.telemetry import metrics

Handler = Callable[..., Awaitable[Response]]
Responses = dict[int | str, dict[str, Any]]

_HTML = {"text/html": {"schema": {"type": "string"}}}
_UNKNOWN: Responses = {404: {"description": "A link that is not ours, or not whole", "content": _HTML}}
_FORM = {
    "type": "object",
    "description": f"`{FIELD}` as mailbox providers post it (RFC 8058), or `subscription` as the page does",
    "properties": {
        FIELD: {"type": "string", "enum": [ONE_CLICK]},
        "subscription": {"type": "string", "enum": [wish.value for wish in Wish]},
    },
}
_EXAMPLE = {"schema": _FORM, "example": {FIELD: ONE_CLICK}}


def links_router(links: TrackedLinks) -> APIRouter:
    router = APIRouter(tags=["links"])

    async def open_pixel(token: str, request: Request) -> Response:
        return await links.open(token.removesuffix(".gif"), request)

    async def follow_link(token: str, target: str, request: Request) -> Response:
        return await links.click(token, target, request)

    async def follow_cut_link() -> Response:
        return links.unknown()

    async def ask_to_unsubscribe(token: str, request: Request) -> Response:
        return await links.ask(token)

    async def unsubscribe(token: str, request: Request) -> Response:
        return await links.act(token, request)

    def add(path: str, act: Handler, method: str, summary: str, responses: Responses, **more: Any) -> None:
        name = act.__name__
        (status, *_) = responses
        router.add_api_route(path, _measured(path, act), methods=[method], operation_id=name, summary=summary,
                             status_code=int(status), response_class=Response, responses=responses, **more)  # fmt: skip
        if method == "GET":
            router.add_api_route(path, _measured(path, act), methods=["HEAD"], include_in_schema=False)

    image: Responses = {
        200: {"description": "An image of one pixel", "content": {"image/gif": {"schema": {"type": "string"}}}}
    }
    add("/t/o/{token}", open_pixel, "GET", "The open pixel of a message", image)
    led: Responses = {
        302: {"description": "On to where the link leads", "headers": {"Location": {"schema": {"type": "string"}}}}
    }
    add("/t/c/{token}/{target}", follow_link, "GET", "A tracked link of a message", led | _UNKNOWN)
    router.add_api_route("/t/c/{rest:path}", follow_cut_link, methods=["GET", "HEAD"], include_in_schema=False)
    page: Responses = {200: {"description": "A page that asks; nothing changes", "content": _HTML}}
    add("/u/{token}", ask_to_unsubscribe, "GET", "Ask whether to unsubscribe", page | _UNKNOWN)
    changed: Responses = {
        200: {"description": "It is so, now or since before", "content": _HTML},
        400: {"description": "The body asks for nothing that this link is for", "content": _HTML},
        413: {"description": "The body is too large", "content": _HTML},
        503: {"description": "It did not work; try again", "content": _HTML},
    }
    forms = {"application/x-www-form-urlencoded": _EXAMPLE, "multipart/form-data": _EXAMPLE}
    extra = {"requestBody": {"required": True, "content": forms}}
    add("/u/{token}", unsubscribe, "POST", "Unsubscribe", changed | _UNKNOWN, openapi_extra=extra)
    return router


def _measured(route: str, act: Handler) -> Handler:
    @wraps(act)
    async def measured(request: Request, **arguments: str) -> Response:
        started = time.monotonic()
        response = await act(request=request, **arguments)
        labels = {"route": route, "method": request.method, "status": str(response.status_code)}
        metrics.observe(metrics.HTTP_REQUESTS, time.monotonic() - started, **labels)
        return response

    return measured
