"""What is asked and shown of deliveries and their attempts."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.webhooks.event_types import WebhookType
from services.webhooks.states import AttemptState, DeliveryState


class EndpointListing(BaseModel):
    """Which of an endpoint's deliveries: by state, type and message, and by when they were made."""

    model_config = ConfigDict(extra="forbid")

    state: DeliveryState | None = None
    event: WebhookType | None = None
    message: str | None = Field(None, max_length=100, description="a message's id")
    since: AwareDatetime | None = Field(None, description="made then or later")
    until: AwareDatetime | None = Field(None, description="made before then")
    limit: int = Field(50, ge=1, le=100, description="how many at most")
    cursor: str | None = Field(None, max_length=500, description="`next_cursor` of the page before")


class WorkspaceListing(EndpointListing):
    """Which of a workspace's deliveries."""

    endpoint: str | None = Field(None, max_length=100, description="an endpoint's id")


class AttemptListing(BaseModel):
    """Which of an endpoint's attempts."""

    model_config = ConfigDict(extra="forbid")

    state: AttemptState | None = Field(None, description="what the attempt made of its delivery")
    event: WebhookType | None = None
    limit: int = Field(50, ge=1, le=100, description="how many at most")
    cursor: str | None = Field(None, max_length=500, description="`next_cursor` of the page before")


class AttemptView(BaseModel):
    """One post: the `status` of the reply, null where none came and `error` says why, and an excerpt of it."""

    id: str
    delivery_id: str
    message_id: str | None
    event_id: str
    event_type: WebhookType
    attempt: int
    state: AttemptState
    status: int | None
    error: str | None
    ms: int
    excerpt: str
    occurred_at: AwareDatetime
    next_at: AwareDatetime | None


class AttemptPage(BaseModel):
    data: list[AttemptView]
    has_more: bool
    next_cursor: str | None


class DeliveryView(BaseModel):
    """One event for one endpoint; `id` is the `webhook-id` that it is posted under. `next_at` is when it is due, null
    where it has ended; `message_id` is null for a test."""

    id: str
    endpoint_id: str
    event_id: str
    event_type: WebhookType
    message_id: str | None
    state: DeliveryState
    attempt_count: int
    created_at: AwareDatetime
    next_at: AwareDatetime | None
    finished_at: AwareDatetime | None


class DeliveryPage(BaseModel):
    data: list[DeliveryView]
    has_more: bool
    next_cursor: str | None


class RequestView(BaseModel):
    """The request of the last attempt, or of the one to come; the URL without its query, which may hold a token."""

    method: str
    url: str


class DeliveryDetail(DeliveryView):
    """A delivery with what is posted and its newest attempts, a hundred at most, newest first."""

    request: RequestView
    payload: dict[str, Any]
    attempts: list[AttemptView]
