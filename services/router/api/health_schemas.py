"""What callers write and read of health."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.router.health.standing import Reputation, State
from services.router.routes.model import Printable

MOST_SECONDS = 30 * 24 * 3600


def _rollup(text: str) -> str:
    if " " in text:
        raise ValueError("is no rollup")
    return text


class BreakerChange(BaseModel):
    """Opens a breaker for a time (without `seconds`: until it is closed), or closes it. `reason` is read by everybody
    who may use the transport."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "closed"]
    rollup: Annotated[Printable, AfterValidator(_rollup)] | None = Field(None, min_length=1, max_length=300)
    seconds: int | None = Field(None, ge=1, le=MOST_SECONDS)
    reason: Printable = Field(min_length=1, max_length=300)


TRIP = {"state": "open", "rollup": "google", "seconds": 3600, "reason": "the provider told us to wait"}


class BreakerView(BaseModel):
    """A circuit breaker. `until` is when an open one lets a few messages try, None where only its owner closes it."""

    state: State
    since: str | None
    until: str | None
    why: str | None
    by: Literal["traffic", "operator"]


class Shares(BaseModel):
    """Parts of the attempts, between 0 and 1; None where there were none. `failed_itself` are failures of the transport
    itself, `blocked` refusals for its reputation: both may be among the deferred and the bounced."""

    accepted: float | None
    deferred: float | None
    bounced: float | None
    blocked: float | None
    throttled: float | None
    failed_itself: float | None


class Latency(BaseModel):
    """Milliseconds of the attempts that were accepted, from the first step to the reply to the final dot."""

    p50: int | None
    p95: int | None


class WindowView(BaseModel):
    seconds: int
    attempts: int
    shares: Shares
    latency_ms: Latency


class RollupView(BaseModel):
    """A direct transport towards the hosts of one rollup."""

    rollup: str
    breaker: BreakerView
    windows: list[WindowView]


class TransportHealthView(BaseModel):
    """`mail` says whose attempts the windows count: all, or (of a shared transport) the workspace's own."""

    id: str
    shared: bool
    breaker: BreakerView
    mail: Literal["all", "own"]
    windows: list[WindowView]
    rollups: list[RollupView]


class SenderShares(BaseModel):
    """`complained` and `bounced_hard` are parts of what was accepted, or tried; None where there was none."""

    complained: float | None
    bounced_hard: float | None
    deferred: float | None
    blocked: float | None


class SenderHealthView(BaseModel):
    domain: str
    reputation: Reputation
    since: str | None
    attempts: int
    accepted: int
    bounced: int
    complained: int
    shares: SenderShares


class ThresholdsView(BaseModel):
    """What makes a domain `warned` and `poor`; fewer complaints, or less accepted mail, says nothing."""

    warned: float
    poor: float
    complaints: int
    accepted: int


class SenderHealthPage(BaseModel):
    days: int
    thresholds: ThresholdsView
    data: list[SenderHealthView]
    has_more: bool
    next_cursor: str | None


class TroubledSender(BaseModel):
    workspace_id: str
    domain: str
    reputation: Reputation
    since: str


class TroubledSenders(BaseModel):
    data: list[TroubledSender]
