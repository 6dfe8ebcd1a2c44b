"""What callers write about suppressions, and what the OpenAPI document says of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.suppression.rules import EntryType
from shared.openapi.operations import BODY, Described, body_of, replies
from shared.paging import FILTERS, SEARCHED, PageMeta, Paging


class NewSuppression(BaseModel):
    """A suppression made by hand; `reason` says why in the caller's words."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=1000)
    type: Literal[EntryType.BOUNCE, EntryType.COMPLAINT, EntryType.MANUAL] = EntryType.MANUAL
    reason: str | None = Field(None, min_length=1, max_length=500)


class Listing(Paging):
    """A page of the suppressions, newest first; `search` is a whole address, or what stands before or after its @."""

    search: str | None = SEARCHED
    filters: str | None = FILTERS


class SuppressionView(BaseModel):
    """A suppression; `reason` is the caller's words where it was made by hand with any."""

    uuid: str
    email: str | None
    type: EntryType
    reason: str
    scope: Literal["platform", "workspace"]
    origin: Literal["api", "event"]
    evidence: dict[str, Any]
    created_at: str
    last_seen: str
    expires_at: str | None


class SuppressionReply(BaseModel):
    data: SuppressionView


class SuppressionPage(BaseModel):
    data: list[SuppressionView]
    meta: PageMeta


BODY_OF_NEW = body_of(NewSuppression, {"email": "ann@example.com", "reason": "asked by phone"})


def page(*statuses: int) -> Described:
    """The replies of a list."""
    return replies(200, SuppressionPage, "A page", *statuses, 422)


def added(*statuses: int) -> Described:
    """The replies of a route that adds one."""
    return {
        **replies(200, SuppressionReply, "The address was suppressed already"),
        **replies(201, SuppressionReply, "The new suppression", *statuses, *BODY),
    }


def one(*statuses: int) -> Described:
    """The replies of a route that shows one."""
    return replies(200, SuppressionReply, "The suppression", *statuses, 404)


def removed(*statuses: int) -> Described:
    """The replies of a route that removes one."""
    return replies(204, None, "The address gets mail again", *statuses, 404)
