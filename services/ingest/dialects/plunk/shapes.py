"""Replies and errors as Plunk's callers know them. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request, Response

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
    "idempotency_key_in_use": "IDEMPOTENCY_KEY_REUSED",
    "quota_exceeded": "RATE_LIMIT_EXCEEDED",
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
    503: "SERVICE_UNAVAILABLE",
}
FIELDS = {"html": "body", "text": "body", "reply_to": "reply", "content_type": "contentType"}


def success(emails: list[dict[str, Any]], at: datetime) -> dict[str, Any]:
    return {"success": True, "data": {"emails": emails, "timestamp": rfc3339(at)}}


def error_shape(request: Request, problem: ProblemError) -> Response:
    """`message` stands at the top level too: older clients read it there."""
    status = STATUSES.get(problem.code, problem.status)
    code = _code(problem)
    if code == "TEMPLATE_NOT_FOUND":
        status = 404
    if code == "INVALID_API_KEY" and "authorization" not in request.headers:
        code = "MISSING_AUTH"
    error: dict[str, Any] = {
        "code": code,
        "message": problem.detail,
        "statusCode": status,
        "requestId": getattr(request.state, "request_id", ""),
        "errors": [_told(fault) for fault in problem.errors],
    }
    if "details" in problem.members:
        error["details"] = problem.members["details"]
    return json_response(status, {"success": False, "error": error, "message": problem.detail}, problem.headers)


def _code(problem: ProblemError) -> str:
    if any(fault.code == "template_not_found" for fault in problem.errors):
        return "TEMPLATE_NOT_FOUND"
    return CODES.get(problem.code) or BY_STATUS.get(problem.status, "INTERNAL_SERVER_ERROR")


def _told(fault: Fault) -> dict[str, str]:
    place = [FIELDS.get(part, part) for part in place_of(fault)]
    return {"field": ".".join(place), "message": fault.detail, "code": fault.code}


def reused_key(original: dict[str, Any]) -> ProblemError:
    """409 for a key that has been used: the first reply is not given again. `original` is what is known of it."""
    return ProblemError(
        409,
        "idempotency_key_reused",
        "This Idempotency-Key has been used in the last 24 hours.",
        members={"details": original},
    )
