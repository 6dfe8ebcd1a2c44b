"""Sendy's list: pages by number, in its own words for what a message is doing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.ingest.dialects.sendy.shapes import STATUSES
from shared.tokens import first_id

MOST_PAGES = 10_000


class Period(BaseModel):
    """When e-mails were accepted: `from_date` included, `to_date` excluded. What is not known is ignored, as the
    original does."""

    model_config = ConfigDict(extra="ignore")

    from_date: AwareDatetime | None = None
    to_date: AwareDatetime | None = None

    def conditions(self) -> dict[str, Any]:
        """In MongoDB's words. Ids begin with their time, so that they bound it."""
        bounds = {"$gte": _id(self.from_date), "$lt": _id(self.to_date)}
        ids = {operator: bound for operator, bound in bounds.items() if bound is not None}
        return {"_id": ids} if ids else {}


class SendyListing(Period):
    """The list's parameters."""

    page: int = Field(1, ge=1, le=MOST_PAGES)
    limit: int = Field(20, ge=1, le=100)
    status: Literal["queued", "sending", "sent", "failed", "canceled"] | None = None
    to: str | None = Field(None, min_length=1, max_length=320)

    @property
    def skip(self) -> int:
        return (self.page - 1) * self.limit

    def conditions(self) -> dict[str, Any]:
        """In MongoDB's words."""
        conditions = super().conditions()
        if self.status is not None:
            conditions["head.status"] = {"$in": [ours for ours, theirs in STATUSES.items() if theirs == self.status]}
        if self.to is not None:
            conditions["recipient_key"] = self.to.lower()
        return conditions


def _id(moment: datetime | None) -> str | None:
    return first_id(moment) if moment else None
