"""What health reads of an event. The rest of it, its transcript above all, is passed over."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.record import Record, Timestamp


class Taken(BaseModel):
    """The way of the pass that an event reports."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    transport: str
    rollup: str
    kind: str
    candidates: list[dict[str, Any]] = []
    """As `shared.contracts.messages.Candidate` has them; made into no records, which would take as long as the rest."""

    @property
    def failed_over(self) -> bool:
        """Whether the first tier of its route did not have it."""
        return any(each.get("lost") is None and each.get("tier") for each in self.candidates)


class Outcome(BaseModel):
    """How an attempt ended. Without a `stage` there was none: it was decided without one, or told later."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    stage: str | None = None
    class_: str | None = Field(None, alias="class")
    hard: bool = False
    scope: str | None = None
    timings: dict[str, int] = {}
    route: Taken | None = None


class Told(Record):
    """One event of one message (see `shared.contracts.events.Event`). `type` may be one that is not known here."""

    event_id: str
    workspace_id: str
    type: str
    occurred_at: Timestamp
    sender: str
    data: Outcome = Outcome.model_construct()
