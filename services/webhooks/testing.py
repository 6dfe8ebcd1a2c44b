"""Test events: what an endpoint's owner has posted to see whether it comes."""

from __future__ import annotations

from datetime import datetime

import orjson

from services.webhooks.event_types import TEST
from services.webhooks.rules import Job, webhook_id
from shared.contracts.record import rfc3339
from shared.tokens import uuid7

SAID = "This is a test of your webhook endpoint. Nothing has happened to any message."


def new_test(workspace_id: str, endpoint_id: str, now: datetime) -> Job:
    """A delivery of a new `webhook.test`, due now; it is about no message."""
    event_id = uuid7()
    data = {"endpoint_id": endpoint_id, "message": SAID}
    return Job(
        id=webhook_id(event_id, endpoint_id),
        workspace_id=workspace_id,
        endpoint_id=endpoint_id,
        message_id="",
        event_id=event_id,
        event_type=TEST,
        body=orjson.dumps({"type": TEST, "timestamp": rfc3339(now), "data": data}),
        created_at=now,
        due_at=now,
    )
