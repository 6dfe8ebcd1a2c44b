"""What the OpenAPI document says of messages: their routes read and write their bodies themselves."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict

from services.ingest.acceptance.send_request import SendRequest
from services.ingest.api.operations import GATES
from services.ingest.api.schemas import IDEMPOTENCY_KEY
from services.ingest.projection.views import TIMES
from shared.openapi.operations import BODY, PROBLEM, Described, json_body, replies, schema_of
from shared.openapi.security import needs

SENDING = (400, *GATES, 409, *BODY)
SAID = {
    "_400": "Not JSON, or a malformed Idempotency-Key",
    "_403": "The key lacks the scope, or the workspace may not send (`error`: `upgrade_needed` with its `feature`, or "
    "`email_verification_required`)",
    "_404": "The path names another workspace than the key's",
    "_409": "Another request with this Idempotency-Key is under way",
    "_422": "Faults in the request, all of them; or an Idempotency-Key that was used for another request",
    "_429": "Too many requests, or the workspace's recipients of the day are used up; Retry-After says when to try "
    "again",
    "_503": "Nothing was accepted, or it is not known; try again",
}
REPLAYED = {"Idempotency-Replayed": {"$ref": "#/components/headers/Idempotency-Replayed"}}
EXAMPLE = {
    "from": "Acme <alerts@acme.example>",
    "to": ["customer@example.test"],
    "subject": "Your code",
    "text": "Your code is 482910.",
    "html": "<p>Your code is <b>482910</b>.</p>",
    "stream": "authentication",
    "tags": ["login"],
}


class AcceptedMessage(BaseModel):
    uuid: str
    recipient: str
    type: Literal["to", "cc", "bcc"]
    from_: str
    status: Literal["pending", "scheduled"]

    model_config = ConfigDict(alias_generator=lambda name: name.rstrip("_"))


class AcceptedData(BaseModel):
    accepted: Literal[True]
    message_count: int
    messages: list[AcceptedMessage]


class AcceptedReply(BaseModel):
    """One tracked message for each unique recipient, in the order to, cc, bcc."""

    data: AcceptedData


class Named(BaseModel):
    model_config = ConfigDict(alias_generator=lambda name: name.rstrip("_"))


class AttachmentView(BaseModel):
    id: str
    filename: str
    content_type: str
    content_id: str | None
    size: int
    url: str


class ContentReply(Named):
    """What a message says, as its recipients see it."""

    uuid: str
    from_: str
    to: list[str]
    cc: list[str]
    reply_to: str | None
    subject: str
    html: str | None
    text: str | None
    headers: dict[str, str]
    attachments: list[AttachmentView]
    expires_at: str


class Hint(BaseModel):
    code: str
    detail: str


class Preview(Named):
    from_: str
    to: list[str]
    cc: list[str]
    reply_to: str | None
    subject: str
    html: str | None
    text: str | None
    headers: dict[str, str]
    mime_bytes: int
    warnings: list[Hint]


class PreviewReply(BaseModel):
    """The message as it would be sent, its size as MIME, and what to think of."""

    data: Preview


TEXT, TEXT_OR_NULL = {"type": "string"}, {"type": ["string", "null"]}
OBJECT_OR_NULL = {"type": ["object", "null"]}
MESSAGE: dict[str, Any] = {
    "title": "Message",
    "type": "object",
    "properties": {
        **dict.fromkeys(
            ("uuid", "status", "unified_status", "recipient", "type", "from", "stream", "accepted_at"), TEXT
        ),
        **dict.fromkeys(
            (*TIMES, "subject", "scheduled_at", "next_attempt_at", "trace_id", "resend_of", "contact_id"), TEXT_OR_NULL
        ),
        "tags": {"type": "array", "items": TEXT},
        "metadata": {"type": "object", "additionalProperties": TEXT},
        "attempts": {"type": "integer"},
        "route": OBJECT_OR_NULL,
        "last_reply": OBJECT_OR_NULL,
        "links": {"type": "object", "additionalProperties": TEXT},
    },
}
MESSAGE["required"] = list(MESSAGE["properties"])
MESSAGES: dict[str, Any] = {
    "type": "object",
    "required": ["data", "has_more", "next_cursor"],
    "properties": {
        "data": {"type": "array", "items": MESSAGE},
        "has_more": {"type": "boolean", "description": "there may be more, even where `data` is short or empty"},
        "next_cursor": TEXT_OR_NULL,
    },
}
STEP = {
    "type": "object",
    "required": ["step", "at", "ms", "ms_since_previous", "summary"],
    "properties": {
        "step": {"type": "string", "description": "`routed`, `checked`, `attempt`, `webhook`, or the event's type, …"},
        "at": TEXT,
        "ms": {"type": "integer", "description": "since acceptance"},
        "ms_since_previous": {"type": "integer"},
        "summary": {
            "type": "string",
            "description": "What happened, by what and why, in English sentences for people: their wording may change",
        },
    },
}
TIMELINE: dict[str, Any] = {
    "type": "object",
    "required": ["uuid", "status", "trace_id", "data"],
    "properties": {
        "uuid": TEXT,
        "status": TEXT,
        "trace_id": TEXT_OR_NULL,
        "data": {"type": "array", "items": STEP},
    },
}


def send_operation(*parameters: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI operation of a sending route, beside its replies."""
    body = json_body(schema_of(SendRequest), EXAMPLE)
    form = {
        "type": "object",
        "required": ["message"],
        "properties": {"message": {"type": "string", "description": "The request as JSON, without `attachments`"}},
        "additionalProperties": {"type": "string", "format": "binary", "description": "A file, whatever its field"},
    }
    body["content"]["multipart/form-data"] = {"schema": form, "example": {"message": orjson.dumps(EXAMPLE).decode()}}
    return {"parameters": [*parameters, IDEMPOTENCY_KEY], "requestBody": body, **needs("email.send")}


def send_responses(*more: int, **said: str) -> Described:
    accepted = replies(202, AcceptedReply, "Stored durably; delivery follows", *SENDING, *more, **{**SAID, **said})
    accepted[202]["headers"] = REPLAYED
    return accepted


def batch_operation(largest: int, *parameters: dict[str, Any]) -> dict[str, Any]:
    send = schema_of(SendRequest)
    key = {"type": ["string", "null"], "description": "The item's own key; else the header's with `#` and its place"}
    item = {**send, "title": "BatchItem", "properties": {**send["properties"], "idempotency_key": key}}
    schema = {
        "title": "SendBatch",
        "type": "object",
        "required": ["emails"],
        "additionalProperties": False,
        "properties": {"emails": {"type": "array", "minItems": 1, "maxItems": largest, "items": item}},
    }
    return {
        "parameters": [*parameters, IDEMPOTENCY_KEY],
        "requestBody": json_body(schema, {"emails": [{**EXAMPLE, "idempotency_key": "login-1"}]}),
        **needs("email.send"),
    }


def batch_responses(*more: int) -> Described:
    result = {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"type": "integer"},
            "replayed": {"type": "boolean"},
            "data": {"type": "object"},
            "error": PROBLEM,
        },
    }
    counts = {"accepted": {"type": "integer"}, "refused": {"type": "integer"}}
    data = {
        "type": "object",
        "required": ["accepted", "refused", "results"],
        "properties": {**counts, "results": {"type": "array", "items": result}},
    }
    reply = {"type": "object", "required": ["data"], "properties": {"data": data}}
    return replies(200, reply, "A result for each send, in their order", *SENDING, *more, **SAID)


def preview_operation(*parameters: dict[str, Any]) -> dict[str, Any]:
    body = json_body(schema_of(SendRequest), EXAMPLE)
    return {"parameters": list(parameters), "requestBody": body, **needs("email.send")}


def preview_responses(*more: int) -> Described:
    return replies(200, PreviewReply, "What would be sent", 400, *GATES, *BODY, *more, **SAID)
