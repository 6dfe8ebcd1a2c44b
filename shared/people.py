"""`/v1/people/…/{address}`: what a service holds of one person, all of it, for them to have (GDPR, article 15); and the
same as files of the console."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from shared.addresses import InvalidAddressError, parse_address
from shared.api import service_router
from shared.auth import Principal, caller
from shared.console.console import Console
from shared.console.gate import Visitor
from shared.console.pages import ROOT
from shared.contracts.record import rfc3339
from shared.errors import not_found
from shared.id_pages import Pages
from shared.openapi.operations import KEY, Cursor, Limit, replies
from shared.service import Base

SCOPE = "admin"
AT_ONCE = 100
FILE_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
ADDRESS = Path(max_length=1000, description="the person's address, in any case")

Read = Callable[[str, str, str | None, int], Awaitable[list[dict[str, Any]]]]
"""Some of what a workspace holds of an address, newest first, behind an id: `(workspace, address, before, limit)`."""


class HeldPage(BaseModel):
    """Documents as they are kept, each with its `id`."""

    data: list[dict[str, Any]]
    has_more: bool
    next_cursor: str | None


def people_router(base: Base, parts: Mapping[str, tuple[str, Read]]) -> APIRouter:
    """A route and a file for each part: what it holds in words, and what reads it."""
    router = service_router(base.tracing, tags=["privacy"])
    pages, console = Pages(base.settings.token_key_bytes), Console(base, "shared.console")
    allowed, seen = caller(base.authenticator, SCOPE), console.gate.page(SCOPE)
    router.shapes[ROOT] = console.pages.problem

    def add(part: str, what: str, read: Read) -> None:
        async def show(
            address: Annotated[str, ADDRESS], limit: Limit = 100, cursor: Cursor = None, principal: Principal = allowed
        ) -> Response:
            person = _address(address)
            query = f"people:{principal.workspace_id}:{part}:{person}"
            before = pages.place(cursor, query)
            found = await read(principal.workspace_id, person, before, limit + 1)
            return pages.reply([plain(each) for each in found], limit, query)

        async def download(address: Annotated[str, Query(max_length=1000)], visitor: Visitor = seen) -> Response:
            person = _address(address)
            lines = _document(person, part, _all(read, visitor.workspace_id, person))
            headers = {**FILE_HEADERS, "Content-Disposition": f'attachment; filename="{part}.json"'}
            return StreamingResponse(lines, media_type="application/json", headers=headers)

        router.add_api_route(download_path(part), download, methods=["GET"], include_in_schema=False)
        router.add_api_route(
            f"/v1/people/{part}/{{address}}",
            show,
            methods=["GET"],
            operation_id=f"list_person_{part.replace('-', '_')}",
            summary=f"What is held of a person: {what}",
            responses=replies(200, HeldPage, "A page, newest first", *KEY, 404, 422, 429, _404="This is no address"),
        )

    for part, (what, read) in parts.items():
        add(part, what, read)
    return router


def download_path(part: str) -> str:
    """Where the console has a part as a file; the person's address goes into the query, as `address`."""
    return f"{ROOT}/people/{part}.json"


async def _all(read: Read, workspace_id: str, person: str) -> AsyncIterator[dict[str, Any]]:
    before: str | None = None
    while True:
        found = await read(workspace_id, person, before, AT_ONCE)
        for each in found:
            yield plain(each)
        if len(found) < AT_ONCE:
            return
        before = found[-1]["_id"]


async def _document(person: str, part: str, held: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    """One JSON document, a line for each."""
    yield b'{"address": %b, %b: [' % (orjson.dumps(person), orjson.dumps(part.replace("-", "_")))
    between = b"\n"
    async for each in held:
        yield between + orjson.dumps(each)
        between = b",\n"
    yield b"\n]}\n"


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
        raise not_found("person") from error
