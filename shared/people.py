"""`/v1/people/{address}/…`: what a service holds of one person, all of it, for them to have (GDPR, article 15)."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from shared.addresses import InvalidAddressError, parse_address
from shared.api import service_router
from shared.auth import Principal, caller
from shared.contracts.record import rfc3339
from shared.errors import Fault, invalid_request
from shared.id_pages import Pages
from shared.openapi.operations import KEY, Cursor, Limit, replies
from shared.service import Base

SCOPE = "admin"
ADDRESS = Path(max_length=1000, description="the person's address, in any case")

Read = Callable[[str, str, str | None, int], Awaitable[list[dict[str, Any]]]]
"""Some of what a workspace holds of an address, newest first, behind an id: `(workspace, address, before, limit)`."""


class HeldPage(BaseModel):
    """Documents as they are kept, each with its `id`."""

    data: list[dict[str, Any]]
    has_more: bool
    next_cursor: str | None


def people_router(base: Base, parts: Mapping[str, tuple[str, Read]]) -> APIRouter:
    """A route for each part: what it holds in words, and what reads it."""
    router = service_router(base.tracing, "/v1/people/{address}", ["privacy"])
    pages = Pages(base.settings.token_key_bytes)
    allowed = caller(base.authenticator, SCOPE)

    def add(part: str, what: str, read: Read) -> None:
        async def show(
            address: Annotated[str, ADDRESS], limit: Limit = 100, cursor: Cursor = None, principal: Principal = allowed
        ) -> Response:
            person = _address(address)
            query = f"people:{principal.workspace_id}:{part}:{person}"
            before = pages.place(cursor, query)
            found = await read(principal.workspace_id, person, before, limit + 1)
            return pages.reply([plain(each) for each in found], limit, query)

        router.add_api_route(
            f"/{part}",
            show,
            methods=["GET"],
            operation_id=f"list_person_{part.replace('-', '_')}",
            summary=f"What is held of a person: {what}",
            responses=replies(200, HeldPage, "A page, newest first", *KEY, 422, 429),
        )

    for part, (what, read) in parts.items():
        add(part, what, read)
    return router


def plain(value: Any) -> Any:
    """A document as JSON has it: its `_id` as `id`, times as texts, kept records as what they say, other bytes as
    base64."""
    match value:
        case Mapping():
            return {"id" if name == "_id" else name: plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case datetime():
            return rfc3339(value)
        case bytes():
            try:
                return orjson.loads(value)
            except orjson.JSONDecodeError:
                return base64.b64encode(value).decode()
    return value


def _address(text: str) -> str:
    try:
        return parse_address(text, smtputf8=True).lower()
    except InvalidAddressError as error:
        raise invalid_request([Fault("#/address", "invalid_address", f"This {error}.")]) from error
