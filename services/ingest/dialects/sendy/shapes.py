"""Requests and replies as Sendy's callers know them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from fastapi import Request, Response

from services.ingest.dialects.reading import listed, place_of
from services.ingest.projection.views import times_of, unified_status
from shared.api import json_response
from shared.auth import Principal
from shared.content import Content
from shared.errors import Fault, ProblemError

STATUSES = {
    "scheduled": "queued",
    "pending": "queued",
    "queued": "queued",
    "deferred": "queued",
    "stuck": "queued",
    "sending": "sending",
    "sent": "sent",
    "delivered": "sent",
    "bounced": "failed",
    "failed": "failed",
    "suppressed": "failed",
    "canceled": "canceled",
}
CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
TRACKED = {
    "opened": "open",
    "clicked": "click",
    "delivered": "delivered",
    "read": "read",
    "replied": "replied",
}
TIMES = {
    "sent_at": "sent_at",
    "delivered_at": "delivered_at",
    "first_opened_at": "opened_at",
    "read_at": "read_at",
    "first_replied_at": "replied_at",
}


def success(data: Any, meta: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"success": True, "data": data, **({"meta": dict(meta)} if meta is not None else {})}


def core_fields(given: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
    """The core's fields of one e-mail; raises a 422 problem where there is no sender at all."""
    sender = given.get("from") or principal.workspace.default_sender
    if sender is None:
        raise ProblemError(
            422, "smtp_not_configured", "No sender is set up for this workspace: give `from`, or set a default sender."
        )
    attachments = given.get("attachments")
    return {
        "from": sender,
        "to": listed(given.get("to")) or None,
        "cc": listed(given.get("cc")) or None,
        "bcc": listed(given.get("bcc")) or None,
        "subject": given.get("subject"),
        "html": given.get("html"),
        "text": given.get("text"),
        "reply_to": given.get("reply_to") or None,
        "headers": given.get("headers"),
        "attachments": [_file(each) for each in attachments] if isinstance(attachments, list) else attachments,
        "scheduled_at": given.get("scheduled_at"),
        "data": given.get("variables"),
        "tracking": {"opens": track, "clicks": track} if isinstance(track := given.get("track"), bool) else track,
    }


def _file(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    known = {"filename": "filename", "content": "content", "contentType": "content_type"}
    return {ours: given[theirs] for theirs, ours in known.items() if given.get(theirs) is not None}


def form_fields(fields: Mapping[str, str]) -> dict[str, Any]:
    """A form's text fields as the JSON request has them: lists by comma or as JSON, headers as JSON."""
    given: dict[str, Any] = dict(fields)
    for name in ("to", "cc", "bcc"):
        if given.get(name):
            given[name] = _several(given[name])
    if given.get("headers"):
        given["headers"] = _json(given["headers"])
    given.pop("attachments", None)
    if given.get("track") in ("true", "false"):
        given["track"] = given["track"] == "true"
    return {name: value for name, value in given.items() if value != ""}


def _several(text: str) -> Any:
    return _json(text) if text.lstrip().startswith("[") else [each.strip() for each in text.split(",")]


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def email_view(document: Mapping[str, Any], content: Content | None) -> dict[str, Any]:
    """One e-mail as it stands. `status` is the raw state of sending, `unified_status` the whole life."""
    times: Mapping[str, datetime] = times_of(document)
    head = document["head"]
    view = {
        "id": document["_id"],
        "to": document["recipient"],
        "from": document["sender"],
        "subject": document.get("subject"),
        "status": STATUSES[head["status"]],
        "unified_status": unified_status(head["status"], times),
        "scheduled_at": _time(document.get("scheduled_at")),
        "created_at": _time(document["accepted_at"]),
        **{name: _time(times.get(ours)) for name, ours in TIMES.items()},
    }
    if content is not None:
        view["attachments"] = [
            {"id": one.blob_id, "filename": one.filename, "contentType": one.content_type, "sizeBytes": one.size}
            for one in content.attachments
        ]
    return view


def tracking_events(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What became of an e-mail after it was sent, oldest first."""
    events: Sequence[Mapping[str, Any]] = sorted(document.get("events", {}).values(), key=lambda event: event["at"])
    return [
        {
            "id": event["event_id"],
            "emailId": document["_id"],
            "type": TRACKED[event["type"]],
            "createdAt": _time(event["at"]),
            **_reader_of(event),
        }
        for event in events
        if event["type"] in TRACKED
    ]


def _reader_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """A reader's address as far as it is kept; of a delivery `ip` is that of the mail server."""
    ip = event["data"].get("ip") if event["type"] in ("opened", "clicked") else None
    return {"ipAddress": ip} if ip else {}


def error_shape(request: Request, problem: ProblemError) -> Response:
    """`{success: false, error: {code, message, details}}`."""
    return json_response(problem.status, {"success": False, "error": error_of(problem)}, problem.headers)


def error_of(problem: ProblemError) -> dict[str, Any]:
    own = problem.code == "smtp_not_configured"
    return {
        "code": "SMTP_NOT_CONFIGURED" if own else CODES.get(problem.status, "ERROR"),
        "message": problem.detail,
        "details": [_detail(fault) for fault in problem.errors],
        **problem.members,
    }


def _detail(fault: Fault) -> dict[str, str]:
    place = [{"content_type": "contentType"}.get(part, part) for part in place_of(fault)]
    return {"field": ".".join(place), "code": fault.code, "message": fault.detail}


def _time(moment: datetime | None) -> str | None:
    """Seconds and `Z`, as their documents show times."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
