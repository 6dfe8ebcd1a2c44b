"""What the OpenAPI document says of Sendy's routes."""

from __future__ import annotations

from typing import Any

from services.ingest.api.schemas import IDEMPOTENCY_KEY
from services.ingest.dialects.sendy.shapes import TIMES, TRACKED
from shared.openapi.operations import json_body

TEXT, MAYBE_TEXT, COUNT = {"type": "string"}, {"type": ["string", "null"]}, {"type": "integer"}
ONE_OR_MORE = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
DETAIL = {"type": "object", "properties": {"field": TEXT, "code": TEXT, "message": TEXT}}
PROBLEM = {
    "type": "object",
    "required": ["code", "message", "details"],
    "properties": {"code": TEXT, "message": TEXT, "details": {"type": "array", "items": DETAIL}},
}
ERROR = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {"success": {"const": False}, "error": PROBLEM},
}
FILE = {"type": "object", "properties": {"filename": TEXT, "content": TEXT, "contentType": TEXT}}
CONTENT: dict[str, Any] = {
    "subject": TEXT,
    "html": TEXT,
    "text": TEXT,
    "from": TEXT,
    "reply_to": TEXT,
    "headers": {"type": "object", "additionalProperties": TEXT},
    "scheduled_at": {"type": "string", "format": "date-time"},
}
SEND: dict[str, Any] = {
    "type": "object",
    "required": ["to", "subject"],
    "properties": {
        "to": ONE_OR_MORE,
        "cc": ONE_OR_MORE,
        "bcc": ONE_OR_MORE,
        **CONTENT,
        "attachments": {"type": "array", "items": FILE},
    },
}
EXAMPLE = {"to": "user@example.test", "subject": "Welcome!", "html": "<p>Hello</p>"}
QUEUED = {
    "type": "object",
    "required": ["id", "status", "to", "subject", "scheduled_at"],
    "properties": {"id": TEXT, "status": TEXT, "to": TEXT, "subject": MAYBE_TEXT, "scheduled_at": MAYBE_TEXT},
}
RESULT = {
    "type": "object",
    "required": ["to", "status"],
    "properties": {"id": TEXT, "to": {}, "status": TEXT, "error": PROBLEM},
}
EMAIL: dict[str, Any] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("id", "to", "from", "status", "unified_status", "created_at"), TEXT),
        **dict.fromkeys(("subject", "scheduled_at", *TIMES), MAYBE_TEXT),
    },
}
EMAIL["required"] = list(EMAIL["properties"])
STORED = {
    "type": "object",
    "required": ["id", "filename", "contentType", "sizeBytes"],
    "properties": {"id": TEXT, "filename": TEXT, "contentType": TEXT, "sizeBytes": COUNT},
}
TRACKING = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("id", "emailId", "createdAt"), TEXT),
        "type": {"enum": sorted(TRACKED.values())},
        "ipAddress": {"type": "string", "description": "Of an open or a click, as far as it is kept"},
    },
    "required": ["id", "emailId", "type", "createdAt"],
}
COUNTED = (
    "sent",
    "delivered",
    "opens",
    "uniqueOpens",
    "clicks",
    "uniqueClicks",
    "bounces",
    "complaints",
    "unsubscribes",
)
PERCENT = {"type": "number", "description": "in percent"}
STATISTICS: dict[str, Any] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(COUNTED, COUNT),
        **dict.fromkeys(("openRate", "clickRate", "bounceRate"), PERCENT),
    },
}
STATISTICS["required"] = list(STATISTICS["properties"])
REFUSALS = {
    400: "Not JSON, no form, or a malformed Idempotency-Key",
    401: "No key, an unknown one, or one that has expired",
    403: "The key lacks the scope, or the workspace may not send",
    404: "No such e-mail",
    409: "It has ended or just gone; or another request with this Idempotency-Key is under way",
    413: "Too large",
    415: "Another media type is needed",
    422: "Faults in the request, all of them; or no sender is set up (`SMTP_NOT_CONFIGURED`)",
    429: "Too many requests, or over the day's quota",
    503: "Nothing was accepted, or it is not known; try again",
}
SENDING = (400, 401, 403, 409, 413, 415, 422, 429, 503)


def _described(
    name: str,
    summary: str,
    data: dict[str, Any],
    refusals: tuple[int, ...],
    meta: tuple[str, ...] = (),
    extra: dict[str, Any] | None = None,
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "required": ["success", "data"],
        "properties": {"success": {"const": True}, "data": data},
    }
    if meta:
        schema["required"] = ["success", "data", "meta"]
        schema["properties"]["meta"] = {"type": "object", "required": [*meta], "properties": dict.fromkeys(meta, COUNT)}
    replies = {200: (summary, schema), **{status: (REFUSALS[status], ERROR) for status in refusals}}
    if name == "delete_email":
        replies[202] = ("Its owner was asked to cancel it", schema)
    return {
        "summary": summary,
        "operation_id": f"sendy_{name}",
        "responses": {
            status: {"description": text, "content": {"application/json": {"schema": each}}}
            for status, (text, each) in replies.items()
        },
        "openapi_extra": extra,
    }


def send() -> dict[str, Any]:
    extra = {"parameters": [IDEMPOTENCY_KEY], "requestBody": json_body(SEND, EXAMPLE)}
    return _described("send_email", "Send an e-mail", QUEUED, SENDING, extra=extra)


def send_form() -> dict[str, Any]:
    form = {
        "type": "object",
        "required": ["to", "subject"],
        "properties": {"to": TEXT, "cc": TEXT, "bcc": TEXT, **CONTENT, "headers": TEXT},
        "additionalProperties": {"type": "string", "format": "binary"},
    }
    body = {"required": True, "content": {"multipart/form-data": {"schema": form, "example": EXAMPLE}}}
    extra = {"parameters": [IDEMPOTENCY_KEY], "requestBody": body}
    return _described(
        "send_form", "Send an e-mail with files: every file part is an attachment", QUEUED, SENDING, extra=extra
    )


def batch() -> dict[str, Any]:
    recipient = {"type": "object", "required": ["to"], "properties": {"to": TEXT, "variables": {"type": "object"}}}
    recipients = {"type": "array", "minItems": 1, "maxItems": 500, "items": recipient}
    schema = {
        "type": "object",
        "properties": {
            **CONTENT,
            "recipients": recipients,
            "emails": {"type": "array", "maxItems": 500, "items": SEND},
        },
    }
    example = {
        "subject": "Hello {{name}}",
        "html": "<p>Hello {{name}}</p>",
        "recipients": [{"to": "alice@example.test", "variables": {"name": "Alice"}}],
    }
    extra = {"parameters": [IDEMPOTENCY_KEY], "requestBody": json_body(schema, example)}
    return _described(
        "send_batch", "Send up to 500 e-mails", {"type": "array", "items": RESULT}, SENDING, ("total",), extra
    )


def listing() -> dict[str, Any]:
    meta = ("total", "page", "limit", "pages")
    return _described("list_emails", "E-mails", {"type": "array", "items": EMAIL}, (401, 403, 422, 429, 503), meta)


def email() -> dict[str, Any]:
    whole = {**EMAIL, "properties": {**EMAIL["properties"], "attachments": {"type": "array", "items": STORED}}}
    return _described("get_email", "One e-mail", whole, (401, 403, 404, 429, 503))


def deletion() -> dict[str, Any]:
    data = {"type": "object", "required": ["id", "status"], "properties": {"id": TEXT, "status": TEXT}}
    return _described("delete_email", "Cancel an e-mail", data, (401, 403, 404, 409, 429, 503))


def tracking() -> dict[str, Any]:
    data = {"type": "array", "items": TRACKING}
    return _described("get_tracking", "What became of an e-mail", data, (401, 403, 404, 429, 503))


def statistics() -> dict[str, Any]:
    summary = "What became of all e-mails together (of the newest 100,000)"
    return _described("get_statistics", summary, STATISTICS, (401, 403, 422, 429, 503))
