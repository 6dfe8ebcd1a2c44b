"""What callers write about suppressions, and what the OpenAPI document says of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.suppression.rules import EntryType
from shared.paging import FILTERS, SEARCHED, PageMeta, Paging


class NewSuppression(BaseModel):
    """A suppression made by hand; `reason` says why in the caller's words."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"email": "ann@example.com", "reason": "asked by phone"}}
    )

    email: str = Field(max_length=1000)
    type: EntryType = EntryType.MANUAL
    reason: str | None = Field(None, min_length=1, max_length=500)


class Listing(Paging):
    """A page of the suppressions, newest first; `search` is a whole address, or what stands before or after its @."""

    search: str | None = SEARCHED
    filters: str | None = FILTERS


class SuppressionView(BaseModel):
    """A suppression; `reason` is the caller's words where it was made by hand with any."""

    uuid: str
    email: str
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


def body_schema() -> dict[str, Any]:
    """The body's part of the operation that adds one."""
    schema = NewSuppression.model_json_schema()
    example, types = schema.pop("example"), schema.pop("$defs")["EntryType"]
    schema["properties"]["type"] = {"default": EntryType.MANUAL, "enum": types["enum"], "type": "string"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}
