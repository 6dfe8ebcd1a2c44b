"""All that the webhooks service may hold of one person, stored as its writers store it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bson import Binary

from services.webhooks.event_types import webhook_body
from shared.contracts.events import EventType, event_of
from shared.contracts.webhooks import WebhookAttempt
from shared.secrets import address_hmac
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.fixtures.messages import a_message

COUNTS = {"webhooks": 3, "attempts": 3}  # of three that were told


async def told(deployment: Deployment, address: str, times: int) -> None:
    """Webhooks about so many bounces, each with one attempt."""
    jobs, attempts = [], []
    for _ in range(times):
        message, now = a_message(address, metadata={"to": address}), datetime.now(UTC)
        event = event_of(message, EventType.BOUNCED, now, {"code": 550, "reply": f"550 <{address}> unknown"})
        shared: dict[str, Any] = {
            "workspace_id": "w1", "endpoint_id": "end", "message_id": message.message_id, "event_id": event.event_id,
            "event_type": "email.bounced",
        }  # fmt: skip
        digest = address_hmac(deployment.shared.pepper_bytes, address)
        body = Binary(webhook_body(event, "email.bounced"))
        jobs.append({**shared, "_id": uuid7(), "address": digest, "body": body, "state": "delivered"})
        attempt = WebhookAttempt(
            **shared, attempt_id=uuid7(), address_hmac=digest, url="http://hook.test/", attempt=1, ms=3, ok=False,
            occurred_at=now, excerpt=f"no {address} here",
        ).model_dump()  # fmt: skip
        attempts.append({**attempt, "_id": attempt.pop("attempt_id")})
    database = deployment.database("webhooks")
    await database["jobs"].insert_many(jobs)
    await database["attempts"].insert_many(attempts)
