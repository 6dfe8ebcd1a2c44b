"""What the OpenAPI document says of Broadcast's routes."""

from __future__ import annotations

from typing import Any

from services.ingest.api.schemas import IDEMPOTENCY_KEY
from shared.openapi.operations import json_body

TEXT, MAYBE_TEXT, FLAG = {"type": "string"}, {"type": ["string", "null"]}, {"type": "boolean"}
COUNT = {"type": "integer"}
TRANSACTIONAL: dict[str, Any] = {
    "title": "Transactional",
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "body": MAYBE_TEXT,
        "preheader": {"type": "null"},
        "queue_at": TEXT,
        "recipient_email": TEXT,
        "recipient_name": MAYBE_TEXT,
        "reply_to": MAYBE_TEXT,
        "sent_at": MAYBE_TEXT,
        "subject": TEXT,
        "include_unsubscribe_link": FLAG,
        "created_at": TEXT,
        "updated_at": TEXT,
        "status_url": TEXT,
    },
}
TRANSACTIONAL["required"] = list(TRANSACTIONAL["properties"])
ERROR = {"type": "object", "required": ["error"], "properties": {"error": TEXT}}
ERRORS = {
    "type": "object",
    "required": ["errors"],
    "properties": {"errors": {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}}},
}
EXAMPLE = {"to": "customer@example.test", "subject": "Your order has shipped", "body": "<h1>Order shipped</h1>"}
REFUSALS: dict[int, tuple[str, dict[str, Any]]] = {
    400: ("Not a JSON object", ERROR),
    401: ("No token, an unknown one, or one that lacks the scope", ERROR),
    403: ("The workspace may not send", ERROR),
    404: ("No such transactional in the token's workspace", ERROR),
    409: ("Another request with this Idempotency-Key is under way", ERROR),
    413: ("Too large", ERROR),
    415: ("Not JSON", ERROR),
    422: ("Faults, by field", {"anyOf": [ERRORS, ERROR]}),
    429: ("Too many requests", ERROR),
    503: ("Nothing was accepted, or it is not known; try again", ERROR),
}


LIMIT_HEADERS = {
    "X-RateLimit-Limit": {"description": "Requests a minute, of the limit with the least left", "schema": COUNT},
    "X-RateLimit-Remaining": {"description": "How many of them are left", "schema": COUNT},
    "X-RateLimit-Reset": {"description": "Unix time from which more are", "schema": COUNT},
}


def _reply(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The headers stand on replies to known keys only, so that none is required."""
    return {"description": text, "headers": LIMIT_HEADERS, "content": {"application/json": {"schema": schema}}}


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: _reply(*REFUSALS[status]) for status in statuses}


def send_operation() -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["to", "subject", "body"],
        "properties": {
            "to": TEXT,
            "subject": TEXT,
            "body": {"type": "string", "description": "HTML"},
            "reply_to": MAYBE_TEXT,
            "include_unsubscribe_link": FLAG,
        },
    }
    return {
        "summary": "Send a transactional e-mail to one recipient",
        "operation_id": "broadcast_send_transactional",
        "responses": {201: _reply("Queued", TRANSACTIONAL), **_refusals(400, 401, 403, 409, 413, 415, 422, 429, 503)},
        "openapi_extra": {"parameters": [IDEMPOTENCY_KEY], "requestBody": json_body(schema, EXAMPLE)},
    }


def get_operation() -> dict[str, Any]:
    return {
        "summary": "One transactional e-mail (the id with `.json` behind it)",
        "operation_id": "broadcast_get_transactional",
        "responses": {200: _reply("As it stands", TRANSACTIONAL), **_refusals(401, 403, 404, 429, 503)},
    }
