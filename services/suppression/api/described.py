"""What the routes say of themselves in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from services.suppression.api.schemas import (
    BULK_REPLY,
    Bulk,
    Check,
    CheckReply,
    HistoryReply,
    ImportReply,
    NewSuppression,
    RemovalsPage,
    SuppressionPage,
    SuppressionReply,
)
from shared.openapi.operations import BODY, Described, body_of, problems, replies

NEW = body_of(NewSuppression, {"email": "ann@example.com", "reason": "asked by phone"})
CHECK = body_of(Check, {"emails": ["ann@example.com"], "from": "news@acme.example", "stream": "product"})
BULK = body_of(
    Bulk,
    {
        "add": [{"email": "ann@example.com", "type": "complaint"}],
        "remove": [{"email": "bob@example.com", "reason": "has a new mailbox"}],
    },
)
FILE = "email,type,reason,expires_at\nann@example.com,manual,asked by phone,\n"
IMPORT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string"}, "example": FILE}},
    }
}


def page(*statuses: int) -> Described:
    return replies(200, SuppressionPage, "A page", *statuses, 422)


def removals(*statuses: int) -> Described:
    return replies(200, RemovalsPage, "A page", *statuses, 422)


def added(*statuses: int) -> Described:
    return {
        **replies(200, SuppressionReply, "The address was suppressed already"),
        **replies(201, SuppressionReply, "The new suppression", *statuses, *BODY),
    }


def one(*statuses: int) -> Described:
    return replies(200, SuppressionReply, "The suppression", *statuses, 404, 422)


def history(*statuses: int) -> Described:
    return replies(200, HistoryReply, "What became of it", *statuses, 404, 422)


def removed(*statuses: int) -> Described:
    return replies(204, None, "The address gets mail again", *statuses, 403, 404, 422)


def checked(*statuses: int) -> Described:
    return replies(200, CheckReply, "A verdict for each address, in their order", *statuses, *BODY)


def bulk(*statuses: int) -> Described:
    return replies(200, BULK_REPLY, "A result for each item, in their order", *statuses, *BODY)


def imported(*statuses: int) -> Described:
    return replies(200, ImportReply, "What the file came to", *statuses, 415, 422)


def exported(*statuses: int) -> Described:
    file = {"description": "The file", "content": {"text/csv": {"schema": {"type": "string"}}}}
    return {200: file, **problems(*statuses, 422)}
