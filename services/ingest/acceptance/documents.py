"""What an accepted request is stored as: its contents, its submission, and the records that the relay will publish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from services.ingest.acceptance.senders import Origin
from services.ingest.acceptance.times import Times
from services.ingest.acceptance.validation import Recipient
from services.ingest.rules import KEPT_AFTER
from shared.auth import Principal
from shared.content import Attachment, Blob
from shared.contracts.messages import Message, RecipientType, Seen, Versions
from shared.contracts.topics import Stream
from shared.links import Link
from shared.mongo import outbox
from shared.tokens import uuid7


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message of an accepted request, as a reply shows it."""

    submission_id: str
    message_id: str
    recipient: str
    type: RecipientType
    sender: str
    status: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What the recipients of a request read, all of them the same; mailboxes as `Name <a@b>` or `a@b`.

    With `raw`, a whole message from the SMTP door by the mailbox of its From, the other fields only tell what stands
    in it, and `nonce` and `links` what its marks stand for.
    """

    to: Sequence[str]
    cc: Sequence[str]
    subject: str
    reply_to: str | None = None
    html: str | None = None
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()
    raw: Mapping[str, Blob] = field(default_factory=dict)
    nonce: str | None = None
    links: Sequence[Link] = ()
    unsubscribe: bool = False
    marketing: bool = False
    replies: bool = False
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Addressed:
    """A recipient, who its message goes out from, the contact that it is, and why its message does not go out at all
    where ingest ends it."""

    recipient: Recipient
    origin: Origin
    contact_id: str | None = None
    suppressed: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A request with everything resolved: what is sent, to whom, when and how. `size` is in bytes before MIME.

    `content_id` names a content that is already there, for a message that is sent again.
    """

    principal: Principal
    door: str
    trace: str | None
    accepted_at: datetime
    letter: Letter
    recipients: Sequence[Addressed]
    times: Times
    stream: Stream
    size: int
    tags: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    on_ambiguous: Literal["retry", "fail"] = "retry"
    content_id: str | None = None
    resend_of: str | None = None


def content_documents(plan: Plan) -> dict[str, dict[str, Any]]:
    """One content for each From (by its mailbox): all recipients of a From see the same message."""
    letter = plan.letter
    shared: dict[str, Any] = {
        "workspace_id": plan.principal.workspace_id,
        "to": list(letter.to),
        "cc": list(letter.cc),
        "reply_to": letter.reply_to,
        "subject": letter.subject,
        "html": letter.html or None,
        "text": letter.text or None,
        "headers": dict(letter.headers),
        "attachments": [each.model_dump(exclude_none=True) for each in letter.attachments] or None,
        "nonce": letter.nonce,
        "links": list(letter.links) or None,
        "unsubscribe": letter.unsubscribe or None,
        "marketing": letter.marketing or None,
        "replies": letter.replies or None,
        "reads": letter.reads or None,
        "expires_at": plan.times.expires_at + KEPT_AFTER,
    }
    present = {name: value for name, value in shared.items() if value is not None}
    documents: dict[str, dict[str, Any]] = {}
    for mailbox in dict.fromkeys(one.origin.mailbox for one in plan.recipients):
        documents[mailbox] = {"_id": uuid7(), "from_": mailbox, **present}
        if mailbox in letter.raw:
            documents[mailbox]["raw"] = letter.raw[mailbox].model_dump(exclude_none=True)
    return documents


def submission_document(
    plan: Plan, content_ids: Mapping[str, str], number: int | None = None
) -> tuple[dict[str, Any], list[Accepted]]:
    """The submission, and its messages in the order of to, cc, bcc; `content_ids` by the mailbox of the From.

    `pending` are the messages that the relay may publish now; what is scheduled has none until it is `due_at`. Where
    ingest itself has something to say of a message the document is `unpublished`. Where the workspace keeps no content
    it has no subject, and its contents are to be disposed of at its end.
    """
    submission_id = uuid7()
    status = "scheduled" if plan.times.scheduled_at else "pending"
    accepted: list[Accepted] = []
    messages: list[dict[str, Any]] = []
    for one in plan.recipients:
        recipient, origin = one.recipient, one.origin
        message = _message(plan, submission_id, one, content_ids[origin.mailbox])
        shown = recipient.address, recipient.type, origin.address, status, number
        accepted.append(Accepted(submission_id, message.message_id, *shown))
        entry = {
            "id": message.message_id,
            "recipient": recipient.address,
            "type": recipient.type.value,
            "sender": origin.address,
            "record": message.encode(),
        }
        messages.append(entry | ({"suppressed": one.suppressed} if one.suppressed else {}))
    document: dict[str, Any] = {
        "_id": submission_id,
        "workspace_id": plan.principal.workspace_id,
        "lane": plan.stream.lane.value,
        "door": plan.door,
        "accepted_at": plan.accepted_at,
        "expires_at": plan.times.expires_at,
        "trace": plan.trace,
        "messages": messages,
        "sweeps": 0,
        **({"number": number} if number is not None else {}),
        **({"shares": plan.content_id} if plan.content_id is not None else {}),
        **({"subject": plan.letter.subject} if plan.principal.workspace.keep_content else {"dispose": True}),
    }
    pending = [entry["id"] for entry in messages if "suppressed" not in entry]
    if not pending:
        document["purge_at"] = plan.times.expires_at + KEPT_AFTER
    elif plan.times.scheduled_at:
        document |= {"scheduled_at": plan.times.scheduled_at, "due_at": plan.times.scheduled_at}
    else:
        document["pending"] = pending
    if plan.times.scheduled_at or len(pending) < len(messages):
        document["unpublished"] = outbox.unpublished(plan.accepted_at)
    return document, accepted


def _message(plan: Plan, submission_id: str, one: Addressed, content_id: str) -> Message:
    recipient, origin = one.recipient, one.origin
    # validated: pydantic does that in half the time of model_construct
    return Message(
        message_id=uuid7(),
        submission_id=submission_id,
        workspace_id=plan.principal.workspace_id,
        lane=plan.stream.lane,
        stream=plan.stream,
        recipient=recipient.address,
        recipient_type=recipient.type,
        sender=origin.address,
        content_id=content_id,
        size=plan.size,
        tags=list(plan.tags),
        metadata=dict(plan.metadata),
        on_ambiguous=plan.on_ambiguous,
        accepted_at=plan.accepted_at,
        scheduled_at=plan.times.scheduled_at,
        expires_at=plan.times.expires_at,
        resend_of=plan.resend_of,
        contact_id=one.contact_id,
        versions=Versions(workspace=plan.principal.workspace_version, domain=origin.domain_version),
        seen=Seen(accepted=plan.accepted_at),
        trace=plan.trace,
    )
