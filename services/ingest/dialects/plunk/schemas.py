"""What the OpenAPI document says of Plunk's route."""

from __future__ import annotations

from typing import Any

from services.ingest.api.schemas import IDEMPOTENCY_KEY
from shared.openapi.operations import json_body

TEXT = {"type": "string"}
NAMED = {"type": "object", "required": ["email"], "properties": {"name": TEXT, "email": TEXT}}
RECIPIENT = {"anyOf": [TEXT, NAMED]}
FILE = {
    "type": "object",
    "required": ["filename", "content"],
    "properties": {"filename": TEXT, "content": TEXT, "contentType": TEXT},
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
EMAIL = {
    "type": "object",
    "required": ["contact", "email"],
    "properties": {
        "contact": {"type": "object", "required": ["id", "email"], "properties": {"id": TEXT, "email": TEXT}},
        "email": TEXT,
    },
}
SUCCESS = {
    "type": "object",
    "required": ["success", "data"],
    "properties": {
        "success": {"const": True},
        "data": {
            "type": "object",
            "required": ["emails", "timestamp"],
            "properties": {"emails": {"type": "array", "items": EMAIL}, "timestamp": TEXT},
        },
    },
}
TOLD = {"type": "object", "properties": {"field": TEXT, "message": TEXT, "code": TEXT}}
ERROR = {
    "type": "object",
    "required": ["success", "error", "message"],
    "properties": {
        "success": {"const": False},
        "message": TEXT,
        "error": {
            "type": "object",
            "required": ["code", "message", "statusCode", "requestId", "errors"],
            "properties": {
                "code": TEXT,
                "message": TEXT,
                "statusCode": {"type": "integer"},
                "requestId": TEXT,
                "errors": {"type": "array", "items": TOLD},
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
    429: "`RATE_LIMIT_EXCEEDED`",
    503: "Nothing was accepted, or it is not known; try again",
}


def send_operation() -> dict[str, Any]:
    replies = {200: ("An e-mail for each recipient", SUCCESS), **{each: (REFUSALS[each], ERROR) for each in REFUSALS}}
    return {
        "summary": "Send a transactional e-mail to one or more recipients",
        "operation_id": "plunk_send",
        "responses": {
            status: {"description": text, "content": {"application/json": {"schema": schema}}}
            for status, (text, schema) in replies.items()
        },
        "openapi_extra": {"parameters": [IDEMPOTENCY_KEY], "requestBody": json_body(SEND, EXAMPLE)},
    }
