"""All that the sender may hold of one person, stored as its writers store it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.content import Content, to_document
from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message
from shared.secrets import address_hmac
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.fixtures.messages import a_message


def a_delivery(deployment: Deployment, message: Message, **fields: Any) -> dict[str, Any]:
    digest = address_hmac(deployment.shared.pepper_bytes, message.recipient)
    return {
        "_id": message.message_id, "workspace_id": message.workspace_id, "lane": str(message.lane), "pass": 0,
        "attempt": 1, "ambiguous": 0, "refused": 0, "address": digest, "destination": "direct|static:*.test", **fields,
    }  # fmt: skip


def ended(deployment: Deployment, message: Message) -> dict[str, Any]:
    """Of one that bounced."""
    said = {"code": 550, "reply": f"550 <{message.recipient}> unknown"}
    event = event_of(message, EventType.BOUNCED, datetime.now(UTC), said, attempt=1)
    return a_delivery(deployment, message, state="ended", last_event=event.encode())


def waiting(deployment: Deployment, message: Message) -> dict[str, Any]:
    due = datetime.now(UTC) + timedelta(days=1)
    return a_delivery(deployment, message, state="deferred", record=message.encode(), due_at=due)


async def returned(deployment: Deployment, message: Message) -> None:
    """A late bounce, and a reply with what it says."""
    now = datetime.now(UTC)
    bounce = event_of(message, EventType.BOUNCED, now, {"oob": True, "reply": f"<{message.recipient}> unknown"})
    reply = event_of(message, EventType.REPLIED, now, {"from": message.recipient})
    reply = reply.with_changes(data={"content_id": reply.event_id})
    content = Content(
        content_id=reply.event_id, workspace_id="w1", from_="", to=["us@c.example"], subject="",
        text=f"Regards, {message.recipient}", expires_at=now + timedelta(days=8),
    )  # fmt: skip
    await deployment.database("content")["contents"].insert_one(to_document(content))
    await deployment.database("sender")["returns"].insert_many(
        [
            {"_id": event.event_id, "message_id": message.message_id, "workspace_id": "w1", "event": event.encode()}
            for event in (bounce, reply)
        ]
    )


async def everything(deployment: Deployment, address: str) -> None:
    """A delivery that has ended, with returns, one that waits, and reasons of a hold and a job that name the person."""
    database = deployment.database("sender")
    over, later = (a_message(address, metadata={"to": address}) for _ in range(2))
    await database["deliveries"].insert_many([ended(deployment, over), waiting(deployment, later)])
    await returned(deployment, over)
    why = f"{address.upper()} called"
    await database["holds"].insert_one({"_id": uuid7(), "workspace_id": "w1", "selection": {}, "reason": why})
    await database["jobs"].insert_one({"_id": uuid7(), "workspace_id": "w1", "options": {"reason": why}})


COUNTS = {"deliveries": 2, "canceled": 1, "returns": 2}
