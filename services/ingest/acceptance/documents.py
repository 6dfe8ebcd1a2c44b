"""What an accepted request is stored as: its contents, its submission, and the records that the relay will publish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.ingest.acceptance.send_request import SendRequest
from services.ingest.acceptance.senders import Origin
from services.ingest.acceptance.validation import Checked, Recipient
from shared.auth import Principal
from shared.contracts.messages import Message, RecipientType, Seen, Versions
from shared.contracts.topics import Stream
from shared.tokens import uuid7

KEPT_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message of an accepted request, as a reply shows it."""

    message_id: str
    recipient: str
    type: RecipientType
    sender: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A request with everything resolved: each recipient with its origin, and what they share."""

    principal: Principal
    request: SendRequest
    checked: Checked
    recipients: Sequence[tuple[Recipient, Origin]]
    door: str
    accepted_at: datetime
    trace: str | None

    @property
    def stream(self) -> Stream:
        default = self.principal.key.default_stream or self.principal.workspace.default_stream
        return Stream(self.request.stream or default)


def content_documents(plan: Plan) -> dict[str, dict[str, Any]]:
    """One content for each From (by its mailbox): all recipients of a From see the same message."""
    checked, request = plan.checked, plan.request
    shared: dict[str, Any] = {
        "workspace_id": plan.principal.workspace_id,
        "to": [one.mailbox for one in checked.recipients if one.type is RecipientType.TO],
        "cc": [one.mailbox for one in checked.recipients if one.type is RecipientType.CC],
        "reply_to": checked.reply_to,
        "subject": request.subject,
        "html": request.html or None,
        "text": request.text or None,
        "headers": checked.headers,
        "expires_at": checked.expires_at + KEPT_AFTER,
    }
    present = {name: value for name, value in shared.items() if value is not None}
    return {
        mailbox: {"_id": uuid7(), "from_": mailbox, **present}
        for mailbox in dict.fromkeys(origin.mailbox for _, origin in plan.recipients)
    }


def submission_document(plan: Plan, contents: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], list[Accepted]]:
    """The submission, and its messages in the order of to, cc, bcc."""
    submission_id = uuid7()
    accepted: list[Accepted] = []
    messages: list[dict[str, Any]] = []
    for recipient, origin in plan.recipients:
        message = _message(plan, submission_id, recipient, origin, contents[origin.mailbox]["_id"])
        accepted.append(Accepted(message.message_id, recipient.address, recipient.type, origin.address))
        messages.append(
            {
                "id": message.message_id,
                "recipient": recipient.address,
                "type": recipient.type.value,
                "sender": origin.address,
                "record": message.encode(),
            }
        )
    document = {
        "_id": submission_id,
        "workspace_id": plan.principal.workspace_id,
        "lane": plan.stream.lane.value,
        "door": plan.door,
        "accepted_at": plan.accepted_at,
        "expires_at": plan.checked.expires_at,
        "trace": plan.trace,
        "subject": plan.request.subject,
        "messages": messages,
        "pending": [one.message_id for one in accepted],
        "sweeps": 0,
    }
    return document, accepted


def _message(plan: Plan, submission_id: str, recipient: Recipient, origin: Origin, content_id: str) -> Message:
    stream = plan.stream
    # validated: pydantic does that in half the time of model_construct
    return Message(
        message_id=uuid7(),
        submission_id=submission_id,
        workspace_id=plan.principal.workspace_id,
        lane=stream.lane,
        stream=stream,
        recipient=recipient.address,
        recipient_type=recipient.type,
        sender=origin.address,
        content_id=content_id,
        size=plan.checked.size,
        tags=plan.checked.tags,
        metadata=plan.checked.metadata,
        on_ambiguous=plan.request.on_ambiguous or "retry",
        accepted_at=plan.accepted_at,
        expires_at=plan.checked.expires_at,
        versions=Versions(workspace=plan.principal.workspace_version, domain=origin.domain_version),
        seen=Seen(accepted=plan.accepted_at),
        trace=plan.trace,
    )
