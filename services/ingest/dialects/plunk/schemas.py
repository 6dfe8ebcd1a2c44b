"""What the OpenAPI document says of Plunk's routes."""

from __future__ import annotations

from typing import Any

from services.ingest.api.schemas import IDEMPOTENCY_KEY
from shared.openapi.operations import json_body


def _success(data: dict[str, Any]) -> dict[str, Any]:
    """The envelope of what went well; all of its data is always there."""
    told = {"type": "object", "required": list(data), "properties": data}
    properties = {"success": {"const": True}, "data": told}
    return {"type": "object", "required": ["success", "data"], "properties": properties}


TEXT = {"type": "string"}
NAMED = {"type": "object", "required": ["email"], "properties": {"name": TEXT, "email": TEXT}}
RECIPIENT = {"anyOf": [TEXT, NAMED]}
FILE = {
    "type": "object",
    "required": ["filename", "content", "contentType"],
    "properties": {
        "filename": TEXT,
        "content": {"type": "string", "contentEncoding": "base64"},
        "contentType": TEXT,
        "contentId": {"type": "string", "description": "What the HTML names as `cid:` where the file is inline"},
        "disposition": {"enum": ["attachment", "inline"]},
    },
}
SEND = {
    "type": "object",
    "required": ["to"],
    "properties": {
        "to": {"anyOf": [TEXT, NAMED, {"type": "array", "items": RECIPIENT}]},
        "subject": TEXT,
        "body": {"type": "string", "description": "HTML; `{{variable}}` and `{{variable ?? 'fallback'}}`"},
        "from": RECIPIENT,
        "name": TEXT,
        "reply": TEXT,
        "template": {"type": "string", "description": "A template's id; what is given beside it wins"},
        "data": {
            "type": "object",
            "description": 'Kept with the contact, but for `{"value": …, "persistent": false}`',
        },
        "headers": {"type": "object", "additionalProperties": TEXT},
        "attachments": {"type": "array", "maxItems": 10, "items": FILE},
        "subscribed": {"type": "boolean"},
        "tracking": {"type": "boolean"},
    },
}
EXAMPLE = {
    "to": {"name": "Jane Doe", "email": "jane@example.test"},
    "subject": "Welcome, {{firstName ?? 'friend'}}",
    "body": "<p>Your code is {{code}}</p>",
    "data": {"firstName": "Jane", "code": {"value": "482910", "persistent": False}},
}
KEY = {
    **IDEMPOTENCY_KEY,
    "description": "A repeated request with this key is refused",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
TRACK = {
    "type": "object",
    "required": ["event", "email"],
    "properties": {
        "event": {"type": "string", "minLength": 1, "maxLength": 200},
        "email": TEXT,
        "subscribed": {"type": "boolean", "description": "New contacts are subscribed where it is not given"},
        "data": {
            "type": "object",
            "description": 'Kept with the contact, but for `{"value": …, "persistent": false}`; the event keeps all',
        },
    },
}
TRACK_EXAMPLE = {"event": "purchase", "email": "jane@example.test", "data": {"plan": "pro"}}
TRACKED = _success({"contact": TEXT, "event": TEXT, "timestamp": TEXT})
EMAIL = {
    "type": "object",
    "required": ["contact", "email"],
    "properties": {
        "contact": {"type": "object", "required": ["id", "email"], "properties": {"id": TEXT, "email": TEXT}},
        "email": TEXT,
    },
}
SUCCESS = _success({"emails": {"type": "array", "items": EMAIL}, "timestamp": TEXT})
TOLD = {
    "type": "object",
    "required": ["field", "message", "code"],
    "properties": {
        "field": TEXT,
        "message": TEXT,
        "code": TEXT,
        "received": {"type": "string", "description": "The JSON type that came, where that is wrong"},
    },
}
ERROR = {
    "type": "object",
    "required": ["success", "error", "message", "timestamp"],
    "properties": {
        "success": {"const": False},
        "message": TEXT,
        "timestamp": TEXT,
        "error": {
            "type": "object",
            "required": ["code", "message", "statusCode", "requestId", "errors", "suggestion"],
            "properties": {
                "code": TEXT,
                "message": TEXT,
                "statusCode": {"type": "integer"},
                "requestId": TEXT,
                "errors": {"type": "array", "items": TOLD},
                "suggestion": TEXT,
                "details": {"type": "object"},
            },
        },
    },
}
REFUSALS = {
    400: "Not a JSON object, or a malformed Idempotency-Key",
    401: "`MISSING_AUTH` or `INVALID_API_KEY`",
    402: "`UPGRADE_REQUIRED`",
    403: "`FORBIDDEN` or `EMAIL_VERIFICATION_REQUIRED`",
    404: "`TEMPLATE_NOT_FOUND`",
    409: "`IDEMPOTENCY_KEY_REUSED`: the first reply is not given again",
    413: "Too large",
    415: "Not JSON",
    422: "`VALIDATION_ERROR`",
    429: "`RATE_LIMIT_EXCEEDED`, or `BILLING_LIMIT_EXCEEDED` where the day's recipients are used up",
    503: "Nothing was accepted, or it is not known; try again",
}
OF_SENDS = (402, 404)


def send_operation() -> dict[str, Any]:
    return {
        "summary": "Send a transactional e-mail to one or more recipients",
        "operation_id": "plunk_send",
        "responses": _replies("An e-mail for each recipient", SUCCESS, *REFUSALS),
        "openapi_extra": {"parameters": [KEY], "requestBody": json_body(SEND, EXAMPLE)},
    }


def track_operation() -> dict[str, Any]:
    return {
        "summary": "Record an event of a contact, which is created or changed with it",
        "operation_id": "plunk_track",
        "responses": _replies("The event was recorded", TRACKED, *(each for each in REFUSALS if each not in OF_SENDS)),
        "openapi_extra": {"parameters": [KEY], "requestBody": json_body(TRACK, TRACK_EXAMPLE)},
    }


def _replies(text: str, schema: dict[str, Any], *refusals: int) -> dict[int | str, dict[str, Any]]:
    replies = {200: (text, schema), **{status: (REFUSALS[status], ERROR) for status in refusals}}
    return {
        status: {"description": about, "content": {"application/json": {"schema": shape}}}
        for status, (about, shape) in replies.items()
    }
