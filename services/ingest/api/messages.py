"""What became of messages: `GET /v1/emails`, `/v1/emails/{id}` and `/v1/emails/{id}/trace`."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response

from services.ingest.api.email_schemas import MESSAGE, MESSAGES, TIMELINE
from services.ingest.api.listing import Listing
from services.ingest.api.operations import GATES
from services.ingest.api.schemas import WORKSPACE
from services.ingest.projection.timeline import timeline_of
from services.ingest.projection.views import document_of_submission, message_view
from services.ingest.store.messages import Messages
from services.ingest.store.search import Searches
from shared.api import json_response, service_router
from shared.auth import Principal, caller
from shared.contracts.messages import Message
from shared.errors import Fault, invalid_request, not_found
from shared.openapi.operations import replies
from shared.service import Base
from shared.telemetry.tracing import trace_id_of
from shared.tokens import Cursors, InvalidCursorError

SCOPE = "email.history"


class MessageReader:
    """The routes' work; each call names the workspace of the caller's key."""

    def __init__(self, messages: Messages, searches: Searches, cursors: Cursors) -> None:
        self._messages = messages
        self._searches = searches
        self._cursors = cursors

    async def get(self, workspace_id: str, message_id: str) -> dict[str, Any]:
        return message_view(await self.document(workspace_id, message_id, detail=False))

    async def trace(self, workspace_id: str, message_id: str) -> dict[str, Any]:
        document = await self.document(workspace_id, message_id, detail=True)
        return {
            "uuid": document["_id"],
            "status": document["head"]["status"],
            "trace_id": trace_id_of(document.get("trace")),
            "data": timeline_of(document),
        }

    async def record(self, workspace_id: str, message_id: str) -> Message:
        """The message as it was accepted, while its submission is kept; raises a 404 problem."""
        submission = await self._messages.submission_of(workspace_id, message_id)
        if submission is None:
            raise not_found("message")
        return Message.decode(bytes(submission["messages"][0]["record"]))

    async def page(
        self, workspace_id: str, conditions: Mapping[str, Any], skip: int, limit: int
    ) -> tuple[builtins.list[dict[str, Any]], int]:
        """A page by number of the newest messages that meet the conditions, and how many do."""
        return await self._messages.numbered_page(workspace_id, conditions, skip, limit)

    async def numbered(self, workspace_id: str, number: int) -> dict[str, Any] | None:
        """The submission that has this number; None where the workspace has no such one."""
        return await self._messages.submission_numbered(workspace_id, number)

    async def list(self, workspace_id: str, listing: Listing) -> dict[str, Any]:
        query = f"emails:{workspace_id}:{orjson.dumps(listing.filters(), option=orjson.OPT_SORT_KEYS).decode()}"
        before = self._position(listing.cursor, query) if listing.cursor else None
        page = await self._searches.page(workspace_id, listing.wanted(), before, listing.limit)
        return {
            "data": [message_view(document) for document in page.messages],
            "has_more": page.behind is not None,
            "next_cursor": self._cursors.make([page.behind], query) if page.behind is not None else None,
        }

    def every(self, workspace_id: str, listing: Listing) -> AsyncIterator[dict[str, Any]]:
        """All messages of a list as their documents, newest first, wherever its page begins; in bounded memory. Raises
        a 422 problem at once."""
        return self._searches.each(workspace_id, listing.wanted())

    async def document(self, workspace_id: str, message_id: str, *, detail: bool) -> dict[str, Any]:
        """A message's document, from its submission where the read model has not heard of it; raises a 404 problem."""
        document = await self._messages.find(workspace_id, message_id, detail=detail)
        if document is not None:
            return document
        submission = await self._messages.submission_of(workspace_id, message_id)
        if submission is None:
            raise not_found("message")
        return document_of_submission(submission)

    def _position(self, cursor: str, query: str) -> str:
        try:
            position: str = self._cursors.read(cursor, query)[0]
        except InvalidCursorError as error:
            fault = Fault("#/cursor", "invalid_cursor", "This cursor was not made for this list.")
            raise invalid_request([fault]) from error
        return position


def messages_router(base: Base, reader: MessageReader) -> APIRouter:
    router = service_router(base.tracing, tags=["emails"])
    allowed = caller(base.authenticator, SCOPE)

    async def list_emails(listing: Annotated[Listing, Query()], principal: Principal = allowed) -> Response:
        return json_response(200, await reader.list(principal.workspace_id, listing))

    async def get_email(id: str, principal: Principal = allowed) -> Response:
        return json_response(200, await reader.get(principal.workspace_id, id.lower()))

    async def get_email_trace(id: str, principal: Principal = allowed) -> Response:
        return json_response(200, await reader.trace(principal.workspace_id, id.lower()))

    for prefix, part, extra in (
        ("/v1", "", None),
        ("/v1/workspaces/{workspace}", "_workspace", {"parameters": [WORKSPACE]}),
    ):
        for path, act, name, summary, schema in (
            ("/emails", list_emails, f"list{part}_emails", "List and search messages", MESSAGES),
            ("/emails/{id}", get_email, f"get{part}_email", "One message and its state", MESSAGE),
            ("/emails/{id}/trace", get_email_trace, f"get{part}_email_trace", "The timeline of one message", TIMELINE),
        ):
            router.add_api_route(
                prefix + path,
                act,
                methods=["GET"],
                operation_id=name,
                summary=summary,
                responses=replies(200, schema, summary, *GATES, 404, *([422] if schema is MESSAGES else [])),
                openapi_extra=extra,
            )
    return router
