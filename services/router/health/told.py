"""What health reads of an event. The rest of it, its transcript above all, is passed over."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.record import Record, Timestamp


class Taken(BaseModel):
    """The way of the pass that an event reports."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    transport: str
    rollup: str
    kind: str


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
