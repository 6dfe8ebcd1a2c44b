"""Deliveries, attempts, replays and back-fills as they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from services.webhooks.outcomes import JobState
from services.webhooks.rules import shown_url
from services.webhooks.states import attempt_state, delivery_state
from services.webhooks.tasks.task import TaskKind
from shared.contracts.record import rfc3339

Document = Mapping[str, Any]
METHOD = "POST"


def delivery_view(job: Document, now: datetime) -> dict[str, Any]:
    """A delivery in a list; `now` tells whether its lease is alive."""
    state = JobState(job["state"])
    held = "lease" in job and job["lease"]["until"] >= now
    finished = job.get("finished_at")
    return {
        "id": job["_id"],
        "endpoint_id": job["endpoint_id"],
        "event_id": job["event_id"],
        "event_type": job["event_type"],
        "message_id": job["message_id"] or None,
        "state": str(delivery_state(state, job["attempt"], held=held)),
        "attempt_count": job["attempt"],
        "created_at": rfc3339(job["created_at"]),
        "next_at": rfc3339(job["due_at"]) if state is JobState.WAITING else None,
        "finished_at": finished and rfc3339(finished),
    }


def delivery_detail(job: Document, attempts: Sequence[Document], endpoint: Document, now: datetime) -> dict[str, Any]:
    """A delivery with its newest attempts; before the first one its request is as the endpoint is now."""
    request = attempts[0] if attempts else endpoint
    return {
        **delivery_view(job, now),
        "request": {"method": request.get("method") or METHOD, "url": shown_url(request["url"])},
        "payload": orjson.loads(job["body"]),
        "attempts": [attempt_view(attempt) for attempt in attempts],
    }


def attempt_view(attempt: Document) -> dict[str, Any]:
    return {
        "id": attempt["_id"],
        "delivery_id": attempt["delivery_id"],
        "message_id": attempt["message_id"] or None,
        "event_id": attempt["event_id"],
        "event_type": attempt["event_type"],
        "attempt": attempt["attempt"],
        "state": str(attempt_state(JobState(attempt["state"]))),
        "status": attempt["status"],
        "error": attempt["error"],
        "ms": attempt["ms"],
        "excerpt": attempt["excerpt"],
        "occurred_at": rfc3339(attempt["occurred_at"]),
        "next_at": attempt["next_at"] and rfc3339(attempt["next_at"]),
    }


def task_view(task: Document) -> dict[str, Any]:
    """A replay or a back-fill."""
    reason, ended = task.get("reason"), task.get("ended_at")
    shown = {
        "id": task["_id"],
        "endpoint_id": task["endpoint_id"],
        "state": "running" if ended is None else "canceled" if reason else "done",
        "reason": reason,
        "since": rfc3339(task["since"]),
        "until": rfc3339(task["until"]),
        "events": task["events"],
        "queued": task["queued"],
        "created_at": rfc3339(task["created_at"]),
        "ended_at": ended and rfc3339(ended),
    }
    if task["kind"] == TaskKind.BACKFILL:
        return {**shown, "read": task["read"]}
    through = task["position"] and rfc3339(task["position"][0])
    return {**shown, "states": task["states"], "through": through}
