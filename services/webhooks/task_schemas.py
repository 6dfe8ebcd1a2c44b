"""What is asked and shown of replays and back-fills."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from services.webhooks.event_types import WEBHOOK_TYPES, WebhookType
from services.webhooks.tasks.task import ReplayStates

NEW_REPLAY = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T06:00:00Z", "states": "failed"}
NEW_BACKFILL = {"since": "2026-01-01T00:00:00Z"}


def _once_each(value: list[str]) -> list[str]:
    return list(dict.fromkeys(value))


Types = Annotated[list[WebhookType], AfterValidator(_once_each), Field(max_length=2 * len(WEBHOOK_TYPES))]


class ReplayBody(BaseModel):
    """A new replay, of the deliveries made from `since` to before `until`."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime
    until: AwareDatetime | None = Field(None, description="none: now")
    states: ReplayStates = Field("failed", description="`failed` has the canceled ones too; `all` those that succeeded")
    events: Types = Field([], description="of these types alone; none: of every type")

    @model_validator(mode="after")
    def _is_a_range(self) -> ReplayBody:
        if self.until is not None and self.until <= self.since:
            raise PydanticCustomError("empty_range", "`until` must be later than `since`")
        return self


class BackfillBody(BaseModel):
    """A new back-fill, of the events that occurred from `since` until now."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime
    events: Types = Field([], description="of these types alone; none: of those that the endpoint asks for")


class TaskView(BaseModel):
    """A replay or a back-fill. `queued` is how many deliveries it has made due so far; `reason` says why it was
    canceled."""

    id: str
    endpoint_id: str
    state: Literal["running", "done", "canceled"]
    reason: Literal["asked", "endpoint_disabled"] | None
    since: AwareDatetime
    until: AwareDatetime
    events: list[WebhookType]
    queued: int
    created_at: AwareDatetime
    ended_at: AwareDatetime | None


class ReplayView(TaskView):
    """`through` is when the last delivery was made that it has come to."""

    states: ReplayStates
    through: AwareDatetime | None


class BackfillView(TaskView):
    """`read` is how many records of the topics it has read, everybody's."""

    read: int


class ReplayPage(BaseModel):
    data: list[ReplayView]
    has_more: bool
    next_cursor: str | None


class BackfillPage(BaseModel):
    data: list[BackfillView]
    has_more: bool
    next_cursor: str | None
