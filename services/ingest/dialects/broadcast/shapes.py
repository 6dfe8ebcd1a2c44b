"""Requests and replies as Broadcast's callers know them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request, Response

from services.ingest.dialects.reading import place_of
from services.ingest.tracking.rewriting import readable
from shared.addresses import InvalidAddressError, parse_mailbox
from shared.api import json_response
from shared.auth import Principal
from shared.content import Content
from shared.contracts.record import rfc3339
from shared.errors import Fault, ProblemError

FIELDS = {"to": "recipient_email", "html": "body", "from": "sender", "text": "body"}
TOLD = frozenset({"bounced", "failed", "canceled", "suppressed"})
PHRASES = {"required": "can't be blank", "invalid_address": "is invalid", "wrong_type": "is invalid"}


@dataclass(frozen=True, slots=True)
class Transactional:
    """What a transactional shows of itself wherever it is shown."""

    number: int
    recipient: str
    subject: str
    body: str | None
    reply_to: str | None
    include_unsubscribe_link: bool
    created_at: datetime


def core_fields(given: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
    """The core's fields. One recipient; the sender is the workspace's own."""
    recipient = given.get("to")
    return {
        "from": principal.workspace.default_sender,
        "to": [recipient] if recipient not in (None, "") else None,
        "subject": given.get("subject"),
        "html": given.get("body"),
        "reply_to": given.get("reply_to") or None,
        "unsubscribe_link": given.get("include_unsubscribe_link") or None,
    }


def shown(
    it: Transactional, public_url: str, times: Mapping[str, datetime], head: Mapping[str, Any], reason: str | None
) -> dict[str, Any]:
    """The transactional object; where it was not and will not be sent its status and the reason stand beside."""
    name, address = _named(it.recipient)
    sent_at = times.get("sent_at")
    updated_at = max([it.created_at, *times.values()])
    view: dict[str, Any] = {
        "id": it.number,
        "body": it.body,
        "preheader": None,
        "queue_at": rfc3339(it.created_at),
        "recipient_email": address,
        "recipient_name": name,
        "reply_to": it.reply_to,
        "sent_at": rfc3339(sent_at) if sent_at else None,
        "subject": it.subject,
        "include_unsubscribe_link": it.include_unsubscribe_link,
        "created_at": rfc3339(it.created_at),
        "updated_at": rfc3339(updated_at),
        "status_url": f"{public_url}/api/v1/transactionals/{it.number}.json",
    }
    if head.get("status") in TOLD:
        view |= {"status": head["status"], "status_reason": reason}
    return view


def of_content(number: int, content: Content, recipient: str, created_at: datetime) -> Transactional:
    """The transactional that a stored content was."""
    return Transactional(
        number=number,
        recipient=content.to[0] if content.to else recipient,
        subject=content.subject,
        body=readable(content.html, content.nonce, content.links),
        reply_to=content.reply_to,
        include_unsubscribe_link=content.unsubscribe,
        created_at=created_at,
    )


def error_shape(request: Request, problem: ProblemError) -> Response:
    """401 also for a key that lacks the scope; 422 by field; everything else one word."""
    status = 401 if problem.code in ("unauthorized", "key_expired", "missing_scope") else problem.status
    if status == 401:
        body: dict[str, Any] = {"error": "Unauthorized"}
    elif status == 404:
        body = {"error": "Not Found"}
    elif problem.errors and status in (413, 422):
        status, body = 422, {"errors": errors_of(problem.errors)}
    else:
        body = {"error": problem.members.get("error", problem.detail), **problem.members}
    return json_response(status, body, problem.headers)


def errors_of(faults: list[Fault]) -> dict[str, list[str]]:
    """The faults by the caller's fields, in the words that such callers match on."""
    errors: dict[str, list[str]] = {}
    for fault in faults:
        place = place_of(fault)
        field = FIELDS.get(place[0], place[0]) if place else "base"
        phrase = PHRASES.get(fault.code, fault.detail)
        said = errors.setdefault(field, [])
        if phrase not in said:
            said.append(phrase)
    return errors


def _named(recipient: str) -> tuple[str | None, str]:
    try:
        mailbox = parse_mailbox(recipient, smtputf8=True)
    except InvalidAddressError:
        return None, recipient
    return mailbox.name, mailbox.address
