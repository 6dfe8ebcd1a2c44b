"""Replies and errors as Plunk's callers know them (https://docs.useplunk.com/api-reference/errors)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response

from services.ingest.acceptance.storing import KeyUse
from services.ingest.dialects.plunk.suggestions import suggestion
from services.ingest.dialects.reading import place_of
from shared.api import json_response
from shared.contracts.record import rfc3339
from shared.errors import Fault, ProblemError

STATUSES = {"upgrade_needed": 402}
CODES = {
    "upgrade_needed": "UPGRADE_REQUIRED",
    "email_verification_required": "EMAIL_VERIFICATION_REQUIRED",
    "missing_scope": "FORBIDDEN",
    "idempotency_key_reused": "IDEMPOTENCY_KEY_REUSED",
    "malformed_json": "VALIDATION_ERROR",
    "quota_exceeded": "BILLING_LIMIT_EXCEEDED",
    "rate_limited": "RATE_LIMIT_EXCEEDED",
}
BY_STATUS = {
    400: "BAD_REQUEST",
    401: "INVALID_API_KEY",
    403: "FORBIDDEN",
    404: "RESOURCE_NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMIT_EXCEEDED",
    503: "DATABASE_ERROR",
}
FIELDS = {
    "attributes": "data",
    "html": "body",
    "text": "body",
    "reply_to": "reply",
    "content_type": "contentType",
    "content_id": "contentId",
}
NAMED = re.compile(r"`(\w+)`")
REQUIRED_BODY = "`body` is required when no template gives one."
# a used key by its door: the request that used it, and the status of its reply
USES = {
    "plunk": ("POST /v1/send", 200),
    "track": ("POST /v1/track", 200),
    "rest": ("POST /v1/emails", 202),
    "broadcast": ("POST /api/v1/transactionals.json", 201),
    "sendy": ("POST /api/v1/emails/send", 200),
    "smtp": ("SMTP", 250),
}
JSON_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}


def success(emails: list[dict[str, Any]], at: datetime) -> dict[str, Any]:
    return {"success": True, "data": {"emails": emails, "timestamp": rfc3339(at)}}


def tracked(contact_id: str, event_id: str, at: datetime) -> dict[str, Any]:
    return {"success": True, "data": {"contact": contact_id, "event": event_id, "timestamp": rfc3339(at)}}


def error_shape(request: Request, problem: ProblemError) -> Response:
    """`message` stands at the top level too: older clients read it there."""
    status = STATUSES.get(problem.code, problem.status)
    code = _code(problem)
    if code == "TEMPLATE_NOT_FOUND":
        status = 404
    if code == "INVALID_API_KEY" and "authorization" not in request.headers:
        code = "MISSING_AUTH"
    message = "Request validation failed" if code == "VALIDATION_ERROR" and problem.errors else problem.detail
    error: dict[str, Any] = {
        "code": code,
        "message": message,
        "statusCode": status,
        "requestId": getattr(request.state, "request_id", ""),
        "errors": _told(problem),
        "suggestion": suggestion(code, status),
    }
    if "details" in problem.members:
        error["details"] = problem.members["details"]
    body = {"success": False, "error": error, "message": message, "timestamp": rfc3339(datetime.now(UTC))}
    return json_response(status, body, problem.headers)


def _code(problem: ProblemError) -> str:
    if any(fault.code == "template_not_found" for fault in problem.errors):
        return "TEMPLATE_NOT_FOUND"
    return CODES.get(problem.code) or BY_STATUS.get(problem.status, "INTERNAL_SERVER_ERROR")


def _told(problem: ProblemError) -> list[dict[str, str]]:
    """Each fault once, in Plunk's names: what the core has to say of two bodies is told of the one."""
    received = problem.members.get("received", {})
    told: dict[tuple[str, str], dict[str, str]] = {}
    for fault in problem.errors:
        field = _field(fault)
        entry = {"field": field, "message": _message(fault, field), "code": fault.code}
        if field in received:
            entry["received"] = received[field]
        told.setdefault((field, fault.code), entry)
    return list(told.values())


def _place(fault: Fault) -> list[str]:
    return [FIELDS.get(part, part) for part in place_of(fault)]


def _field(fault: Fault) -> str:
    """The dotted name of the field at fault."""
    return ".".join(_place(fault))


def _message(fault: Fault, field: str) -> str:
    if (field, fault.code) == ("body", "required"):
        return REQUIRED_BODY
    return NAMED.sub(lambda name: f"`{FIELDS.get(name[1], name[1])}`", fault.detail)


def about(problem: ProblemError, given: Mapping[str, Any]) -> dict[str, Any]:
    """More members for a problem, out of the request: what came instead of the right type, the template that is not
    there."""
    wrong = [fault for fault in problem.errors if fault.code == "wrong_type"]
    members: dict[str, Any] = {"received": {_field(fault): _type_at(given, _place(fault)) for fault in wrong}}
    if _code(problem) == "TEMPLATE_NOT_FOUND":
        members["details"] = {"resource": "Template", "id": given.get("template")}
    return members


def _type_at(given: Any, place: list[str]) -> str:
    """The JSON type of a value, as Plunk names them."""
    for part in place:
        if isinstance(given, list):
            given = given[int(part)]
        elif isinstance(given, Mapping):
            given = given.get(part)
    return JSON_TYPES.get(type(given), "null")


def reused_key(key: str | None, original: KeyUse | None, *, running: bool = False) -> ProblemError:
    """409 for a key that has been used: the first reply is not given again. `original` is None where that request
    cannot be seen yet; while it is `running` its status is not known."""
    request, status = USES[original.door] if original is not None else (None, None)
    details = {
        "key": key,
        "originalRequest": request,
        "originalRequestAt": rfc3339(original.at) if original is not None else None,
        "originalStatusCode": None if running else status,
    }
    return ProblemError(
        409,
        "idempotency_key_reused",
        f"The Idempotency-Key {key!r} has already been used.",
        members={"details": details},
    )
