"""What became of messages: `GET /v1/emails`, `/v1/emails/{id}` and `/v1/emails/{id}/trace`."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.ingest.api.email_schemas import MESSAGE, MESSAGES, TIMELINE
from services.ingest.api.operations import GATES, Moment
from services.ingest.api.schemas import WORKSPACE
from services.ingest.projection.timeline import timeline_of
from services.ingest.projection.views import document_of_submission, message_view
from services.ingest.store.messages import Messages
from shared.api import json_response, service_router
from shared.auth import Principal, caller
from shared.contracts.messages import Message
from shared.contracts.topics import Stream
from shared.errors import Fault, invalid_request, not_found
from shared.openapi.operations import replies
from shared.service import Base
from shared.telemetry.tracing import trace_id_of
from shared.tokens import Cursors, InvalidCursorError, first_id

SCOPE = "email.history"
CLOCK_SLACK = timedelta(minutes=1)
FIELDS = {
    "status": "head.status",
    "recipient": "recipient_key",
    "sender": "sender_key",
    "tag": "tags",
    "stream": "stream",
    "bounce_class": "bounce.class",
    "message_id": "_id",
}
Status = Literal[
    "pending", "scheduled", "queued", "sending", "deferred", "stuck", "sent", "delivered", "bounced", "suppressed",
    "failed", "canceled",
]  # fmt: skip


class Listing(BaseModel):
    """The filters of a list, all of which a message must meet. `from` and `to` bound the time of acceptance:
    from included, to excluded."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    recipient: str | None = Field(None, min_length=1, max_length=320, description="whole address, in any case")
    sender: str | None = Field(None, min_length=1, max_length=320, description="whole address, in any case")
    tag: str | None = Field(None, min_length=1, max_length=255)
    stream: Stream | None = None
    message_id: str | None = Field(None, min_length=1, max_length=64)
    bounce_class: str | None = Field(None, pattern=r"^[a-z_]{1,64}$")
    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None
    limit: int = Field(25, ge=1, le=100)
    cursor: str | None = Field(None, max_length=500)

    def filters(self) -> dict[str, Any]:
        """What was asked for, without where in the list."""
        return self.model_dump(exclude={"limit", "cursor"}, exclude_none=True, mode="json")


class MessageReader:
    """The routes' work; each call names the workspace of the caller's key."""

    def __init__(self, messages: Messages, cursors: Cursors) -> None:
        self._messages = messages
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
        found = await self._messages.page(workspace_id, conditions_of(listing, before), listing.limit + 1)
        page, has_more = found[: listing.limit], len(found) > listing.limit
        return {
            "data": [message_view(document) for document in page],
            "has_more": has_more,
            "next_cursor": self._cursors.make([page[-1]["_id"]], query) if has_more else None,
        }

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


def conditions_of(listing: Listing, before: str | None) -> dict[str, Any]:
    """The conditions in MongoDB's words. Ids begin with their time (UUIDv7), so that a time range bounds them too."""
    conditions: dict[str, Any] = {}
    for name, path in FIELDS.items():
        value = getattr(listing, name)
        if value is not None:
            conditions[path] = value.lower() if name in ("recipient", "sender", "message_id") else value
    ids: list[dict[str, Any]] = []
    if before is not None:
        ids.append({"_id": {"$lt": before}})
    if listing.from_ is not None:
        ids += [{"accepted_at": {"$gte": listing.from_}}, {"_id": {"$gte": first_id(listing.from_, -CLOCK_SLACK)}}]
    if listing.to is not None:
        ids += [{"accepted_at": {"$lt": listing.to}}, {"_id": {"$lt": first_id(listing.to, CLOCK_SLACK)}}]
    return {**conditions, "$and": ids} if ids else conditions


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
