"""What the OpenAPI document says of the queue."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.sender.queue.actions import Action, Refusal
from shared.contracts.topics import Lane

State = Literal["waiting", "in_flight", "deferred", "held", "released"]
"""`waiting` for a connection, `in_flight`, `deferred` until its time, `held`, or `released` towards the router."""


class Waits(BaseModel):
    """How many; `more` where they were not counted further. `oldest_at` is when the first of them was accepted."""

    count: int
    more: bool
    oldest_at: AwareDatetime | None
    next_at: AwareDatetime | None = Field(description="when the first of them is due")


class WaitsHere(Waits):
    """`why` the first of them waits, and by which hold."""

    why: str | None
    hold: str | None


class LaneView(BaseModel):
    lane: Lane
    waiting: Waits
    in_flight: Waits
    deferred: Waits
    held: Waits
    released: Waits


class StageView(BaseModel):
    """What waits in ingest's outbox, counted in requests, and what the stages behind it have not read, in records;
    `oldest_at` is when the first of that came there. `count` is null where nobody has said so lately."""

    lane: Lane
    stage: Literal["outbox", "router", "suppression", "sender"]
    count: int | None
    more: bool
    oldest_at: AwareDatetime | None


class DestinationView(BaseModel):
    """A transport and a rollup: what the recipients' mail hosts have in common. Both are null where no route is known.

    `connections` is how many it allows, null where that was not asked for lately.
    """

    id: str
    transport: str | None
    rollup: str | None
    connections: int | None
    waiting: WaitsHere
    in_flight: Waits
    deferred: WaitsHere
    held: WaitsHere
    released: WaitsHere


class DestinationPage(BaseModel):
    data: list[DestinationView]
    has_more: bool
    next_cursor: str | None


class QueueView(BaseModel):
    """`stages` is null for a workspace, as the topics are everybody's, and while Kafka does not answer. Of the
    destinations the first are here."""

    stages: list[StageView] | None
    lanes: list[LaneView]
    destinations: DestinationPage


class MessageView(BaseModel):
    """A message that waits. `last_reply` is what came of its last attempt."""

    id: str
    workspace_id: str
    recipient: str
    lane: Lane
    state: State
    transport: str | None
    rollup: str | None
    attempts: int
    why: str | None
    hold: str | None
    last_reply: str | None
    next_at: AwareDatetime | None
    accepted_at: AwareDatetime
    expires_at: AwareDatetime


class MessagePage(BaseModel):
    data: list[MessageView]
    has_more: bool
    next_cursor: str | None


class SelectionView(BaseModel):
    """Only what was named."""

    model_config = ConfigDict(extra="forbid")

    messages: list[str] | None = None
    workspace: str | None = None
    transport: str | None = None
    rollup: str | None = None
    domain: str | None = None


class HoldView(BaseModel):
    """`workspace_id` is null for a hold of the operator's."""

    id: str
    workspace_id: str | None
    selection: SelectionView
    reason: str
    by: Literal["operator", "workspace"]
    since: AwareDatetime
    until: AwareDatetime | None


class HoldPage(BaseModel):
    data: list[HoldView]
    has_more: bool
    next_cursor: str | None


class ActorView(BaseModel):
    kind: Literal["api_key", "operator"]
    id: str | None
    address: str | None


class LeftView(BaseModel):
    id: str
    reason: Refusal


class JobView(BaseModel):
    """`changed` is how many messages it has changed so far, `refused` how many it left as they were, by the reason, and
    `left` the first of those. `holds` are the holds that it made or lifted, `force` is a retry's."""

    id: str
    workspace_id: str | None
    action: Action
    state: Literal["open", "done"]
    selection: SelectionView
    reason: str
    to: str | None
    holds: list[str]
    force: bool
    actor: ActorView
    changed: int
    refused: dict[Refusal, int]
    left: list[LeftView]
    created_at: AwareDatetime
    ended_at: AwareDatetime | None


class JobPage(BaseModel):
    data: list[JobView]
    has_more: bool
    next_cursor: str | None


EXAMPLE: dict[str, dict[str, Any]] = {
    "hold": {"domain": "example.com", "reason": "their hosts are down", "until": "2100-01-01T00:00:00Z"},
    "release": {"domain": "example.com"},
    "retry": {"domain": "example.com"},
    "bounce": {"domain": "example.com", "reason": "sent by mistake"},
    "reroute": {"domain": "example.com"},
}
