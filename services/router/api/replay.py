"""`/v1/routes/replay`: what past decisions would be under the present rules, or under a draft of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.router.api.drafts import compiled_drafts
from services.router.api.replay_schemas import REPLAY, DecisionReplayView
from services.router.api.rule_sets import RuleSetApi
from services.router.api.transports import Owner
from services.router.replay.again import Sample
from services.router.replay.outcome import Outcome
from services.router.replay.replaying import Asked, Replay, Replaying
from services.router.routes.model import RuleSet
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller, operator
from shared.contracts.record import rfc3339
from shared.contracts.topics import DAY_MS
from shared.errors import Fault, invalid_request
from shared.openapi.operations import BODY, KEY, OPERATOR, body_of, replies
from shared.service import Base

KEPT = timedelta(milliseconds=7 * DAY_MS)
LATELY = timedelta(hours=1)
MOST_CHANGES = 100
BUSY = "Another replay runs in this process; Retry-After says when to try again"


def _storable(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside of the years 1 to 9999 (UTC)") from error


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]


class DecisionReplayBody(BaseModel):
    """Which decisions, by the time that the events reporting them were published: those of the last hour unless `since`
    says otherwise. `limit` is how many at most. `draft` stands for the present rules, and is stored nowhere."""

    model_config = ConfigDict(extra="forbid")

    since: Moment | None = None
    until: Moment | None = None
    limit: int = Field(10_000, ge=1, le=100_000)
    draft: RuleSet | None = None


class ReplayApi:
    """An owner is a workspace's id, or None for the platform, which asks about everybody's messages."""

    def __init__(self, replaying: Replaying, rules: RuleSetApi) -> None:
        self._replaying = replaying
        self._rules = rules

    async def compare(self, owner: Owner, body: DecisionReplayBody) -> dict[str, Any]:
        """Makes past decisions again and compares; raises a 422 problem, and what `Replaying.run` raises."""
        now = datetime.now(UTC)
        until = body.until or now
        since = body.since or now - LATELY
        if faults := _faults(since, until, now):
            raise invalid_request(faults)
        drafts = await compiled_drafts(self._rules, owner, body.draft)
        replay = await self._replaying.run(Asked(owner, since, until, body.limit, drafts))
        return _shown(replay, since, until)


def _faults(since: datetime, until: datetime, now: datetime) -> list[Fault]:
    if since < now - KEPT:
        return [Fault("#/since", "too_old", f"Events are kept for {KEPT.days} days.")]
    if until <= since:
        return [Fault("#/until", "too_early", "Nothing lies between since and until.")]
    return []


def _shown(replay: Replay, since: datetime, until: datetime) -> dict[str, Any]:
    compared = replay.compared
    changes = compared.changes.most_common(MOST_CHANGES)
    return {
        "since": rfc3339(since),
        "until": rfc3339(until),
        "records": replay.records,
        "truncated": replay.truncated,
        "decisions": compared.decisions,
        "otherwise": compared.otherwise,
        "by_another_rule": compared.by_another_rule,
        "assumed": compared.assumed,
        "unknown": compared.unknown,
        "quarantined": compared.quarantined,
        "changes": [{"before": _what(before), "after": _what(after), "count": n} for (before, after), n in changes],
        "more_changes": len(compared.changes) - len(changes),
        "samples": [_sample(each) for each in compared.samples],
    }


def _what(outcome: Outcome) -> dict[str, Any]:
    return {
        "action": str(outcome.action),
        "transport": outcome.transport,
        "rule": outcome.rule,
        "lane": outcome.lane,
        "reason": outcome.reason,
    }


def _sample(sample: Sample) -> dict[str, Any]:
    past = sample.past
    before, after = (_what(each) | {"why": each.why} for each in (past.outcome, sample.now.outcome))
    return {
        "message_id": past.message.message_id,
        "workspace_id": past.message.workspace_id,
        "pass": past.message.pass_,
        "decided_at": rfc3339(past.at),
        "before": before | {"rule_version": past.outcome.rule_version},
        "after": after,
        "assumed": list(sample.now.assumed),
    }


def replay_router(base: Base, api: ReplayApi) -> APIRouter:
    router = service_router(base.tracing, "/v1", ["routes"])
    allowed = caller(base.authenticator, "routing")

    @router.post(
        "/routes/replay", operation_id="replay_routes", openapi_extra=body_of(DecisionReplayBody, REPLAY),
        responses=replies(200, DecisionReplayView, "The comparison", *KEY, *BODY, 429, _429=BUSY),
    )  # fmt: skip
    async def replay_routes(request: Request, principal: Principal = allowed) -> Response:
        """Make the decisions about the workspace's messages of the last seven days again, under the present rules and
        transports or a draft of the rules, and count those that would be others. Nothing is sent or stored."""
        body = await read_json(request, DecisionReplayBody)
        return json_response(200, await api.compare(principal.workspace_id, body))

    @router.post(
        "/platform/routes/replay", operation_id="replay_platform_routes", tags=["platform"],
        dependencies=[operator(base.authenticator)], openapi_extra=body_of(DecisionReplayBody, REPLAY),
        responses=replies(200, DecisionReplayView, "The comparison", *OPERATOR, *BODY, 429, _429=BUSY),
    )  # fmt: skip
    async def replay_platform_routes(request: Request) -> Response:
        """The same for the messages of all workspaces; a draft is one of the platform's rules."""
        return json_response(200, await api.compare(None, await read_json(request, DecisionReplayBody)))

    return router
