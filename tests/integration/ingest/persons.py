"""All that ingest may hold of one person, stored as its writers store it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.projection.fold import fold
from services.ingest.store.messages import Messages
from shared.content import Content, to_document
from shared.contracts.events import Event, EventType, accepted_event, event_of
from shared.contracts.messages import Message
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.fixtures.messages import a_message

LATER = timedelta(days=1)


def a_submission(message: Message, **fields: Any) -> dict[str, Any]:
    """The request of one message, as it is stored."""
    entry = {
        "id": message.message_id, "recipient": message.recipient, "type": "to", "sender": message.sender,
        "record": message.encode(),
    }  # fmt: skip
    return {
        "_id": message.submission_id, "workspace_id": message.workspace_id, "lane": str(message.lane), "door": "api",
        "accepted_at": message.accepted_at, "expires_at": message.expires_at, "trace": None, "messages": [entry],
        "sweeps": 0, "subject": f"For {message.recipient}", **fields,
    }  # fmt: skip


def a_content(message: Message, about: str) -> dict[str, Any]:
    return to_document(
        Content(
            content_id=message.content_id, workspace_id=message.workspace_id, from_="us@c.example",
            to=[message.recipient], subject="Hello", text=f"Dear {about}",
            expires_at=message.expires_at + timedelta(days=7),
        )
    )  # fmt: skip


def bounced(message: Message) -> Event:
    said = {"code": 550, "reply": f"550 5.1.1 <{message.recipient}> unknown", "transcript": [message.recipient]}
    return event_of(message, EventType.BOUNCED, datetime.now(UTC), said, attempt=1)


async def accepted(deployment: Deployment, messages: list[Message], **fields: Any) -> None:
    """The messages' requests with their contents, which the read model has not heard of."""
    await deployment.database("ingest")["submissions"].insert_many([a_submission(one, **fields) for one in messages])
    await deployment.database("content")["contents"].insert_many([a_content(one, one.recipient) for one in messages])


async def ended(deployment: Deployment, messages: list[Message]) -> None:
    """Messages that bounced."""
    await accepted(deployment, messages, published_at=datetime.now(UTC))
    told = [each for one in messages for each in (accepted_event(one), bounced(one))]
    await Messages(deployment.database("ingest")).write(fold(told))


async def contact(deployment: Deployment, address: str) -> None:
    database, now, id_ = deployment.database("ingest"), datetime.now(UTC), uuid7()
    fields = {"_id": id_, "workspace_id": "w1", "created_at": now}
    await database["contacts"].insert_one({**fields, "address": address, "address_key": address.lower()})
    told = {"_id": uuid7(), "workspace_id": "w1", "contact_id": id_, "attributes": {"as": address}}
    await database["contact_events"].insert_one(told)


async def hit(deployment: Deployment, message: Message) -> None:
    event = event_of(message, EventType.CLICKED, datetime.now(UTC), {"url": f"https://a.test/?to={message.recipient}"})
    fields = {"_id": event.event_id, "workspace_id": "w1", "message_id": message.message_id, "at": datetime.now(UTC)}
    await deployment.database("ingest")["tracked_hits"].insert_one({**fields, "event": event.encode()})


async def answered(deployment: Deployment, message: Message) -> None:
    """A reply to a message, which was passed on to somebody else."""
    now, passed_on = datetime.now(UTC), a_message("us@c.example")
    reply = event_of(message, EventType.REPLIED, now, {"content_id": uuid7()})
    fields = {"door": "reply", "key": reply.event_id, "key_until": now + LATER, "digest": b"", "reply": b"{}"}
    submission = a_submission(passed_on, **{**fields, "subject": f"Re: {message.recipient}"})
    await deployment.database("ingest")["submissions"].insert_one(submission)
    await deployment.database("content")["contents"].insert_one(a_content(passed_on, message.recipient))
    told = [reply, accepted_event(passed_on), event_of(passed_on, EventType.DELIVERED, now, {"code": 250})]
    await Messages(deployment.database("ingest")).write(fold(told))


def keyed(address: str, key: str) -> dict[str, Any]:
    """What an idempotency key adds to a request."""
    reply = f'{{"to":"{address}"}}'.encode()
    return {"key": key, "key_until": datetime.now(UTC) + LATER, "digest": b"", "reply": reply}


async def everything(deployment: Deployment, address: str) -> None:
    """A contact; mail that has ended, with a hit and a reply, and without; what is scheduled, under keys."""
    first, second, waiting, named = (a_message(address, metadata={"to": address}) for _ in range(4))
    due = {"due_at": datetime.now(UTC) + LATER, "scheduled_at": datetime.now(UTC) + LATER}
    await contact(deployment, address)
    await ended(deployment, [first, second])
    await hit(deployment, first)
    await answered(deployment, first)
    await accepted(deployment, [waiting], **due, **keyed(address, uuid7()))
    await accepted(deployment, [named], **due, **keyed(address, f"order of {address.upper()}"))


COUNTS = {"contacts": 1, "messages": 2, "submissions": 5, "hits": 1, "contents": 5}
