"""`GET /v1/activity`: what happened to a workspace's mail in slots of time, and how its critical lane does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.ingest.api.activity_schemas import ActivityReply
from services.ingest.api.messages import SCOPE
from services.ingest.api.operations import READING
from services.ingest.api.schemas import WORKSPACE
from services.ingest.projection.activity import SLOT, shown
from services.ingest.projection.waits import TARGET_MS, TARGET_SHARE, Waits
from services.ingest.store.activity import Activity, Slot, Stretch
from services.ingest.store.unattempted import UnattemptedMessages
from shared.api import json_response, service_router
from shared.auth import Principal, caller
from shared.contracts.record import rfc3339
from shared.contracts.topics import Lane
from shared.openapi.operations import replies
from shared.service import Base

TARGET = timedelta(milliseconds=TARGET_MS)
RECENT_MINUTES, HOUR_MINUTES = 5, 60
MOST_HOURS = 24


class Asked(BaseModel):
    """How far back."""

    model_config = ConfigDict(extra="forbid")

    hours: int = Field(MOST_HOURS, ge=1, le=MOST_HOURS, description="of how many hours the slots are")


class ActivityReader:
    """The routes' work; each call names the workspace of the caller's key."""

    def __init__(self, base: Base) -> None:
        self._activity = Activity(base.database)
        self._unattempted = UnattemptedMessages(base.database)

    async def show(self, workspace_id: str, hours: int, now: datetime) -> dict[str, Any]:
        day, waiting = await asyncio.gather(
            self._activity.last(workspace_id, now), self._unattempted.older_than(workspace_id, now, TARGET)
        )
        return {
            "slot_seconds": round(SLOT.total_seconds()),
            "data": [slot_view(slot) for slot in day.slots[-hours * timedelta(hours=1) // SLOT :]],
            "per_minute": rates_view(day.last(RECENT_MINUTES)),
            "critical_lane": {
                "target": {"seconds": TARGET_MS / 1000, "share": TARGET_SHARE},
                "waiting": {"count": waiting.count, "more": waiting.more},
                "hour": waits_view(day.last(HOUR_MINUTES).latency()),
                "day": waits_view(day.latency()),
            },
        }


def rates_view(stretch: Stretch) -> dict[str, Any]:
    total = stretch.total()
    rates = {
        lane.value: {what: round(stretch.per_minute(count), 3) for what, count in shown(total.lanes[lane]).items()}
        for lane in Lane
    }
    return {"since": rfc3339(stretch.since), "until": rfc3339(stretch.until), **rates}


def slot_view(slot: Slot) -> dict[str, Any]:
    posts = {result: slot.webhooks.get(result, 0) for result in ("ok", "failed")}
    lanes = {lane.value: shown(slot.lanes[lane]) for lane in Lane}
    return {"at": rfc3339(slot.begins_at), **lanes, "webhooks": posts}


def waits_view(waits: Waits) -> dict[str, Any]:
    return {
        "attempted": waits.attempted,
        "in_time": waits.in_time,
        "share": waits.share,
        "p50_seconds": waits.seconds_at(0.5),
        "p99_seconds": waits.seconds_at(0.99),
    }


def activity_router(base: Base) -> APIRouter:
    router = service_router(base.tracing, tags=["activity"])
    reader = ActivityReader(base)
    allowed = caller(base.authenticator, SCOPE)

    async def show(asked: Annotated[Asked, Query()], principal: Principal = allowed) -> Response:
        return json_response(200, await reader.show(principal.workspace_id, asked.hours, datetime.now(UTC)))

    summary = "What happened to mail in the last hours, and how quickly the critical lane goes out"
    for path, name, more, extra in (
        ("/v1/activity", "get_activity", (), None),
        ("/v1/workspaces/{workspace}/activity", "get_workspace_activity", (404,), {"parameters": [WORKSPACE]}),
    ):
        router.add_api_route(
            path,
            show,
            methods=["GET"],
            operation_id=name,
            summary=summary,
            responses=replies(200, ActivityReply, summary, *READING, *more),
            openapi_extra=extra,
        )
    return router
