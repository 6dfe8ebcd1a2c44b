"""What callers see of a message. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.ingest.tracking.rewriting import readable
from shared.content import Content
from shared.contracts.messages import Message
from shared.contracts.record import rfc3339
from shared.telemetry.tracing import trace_id_of

Document = Mapping[str, Any]

TIMES = (
    "published_at", "queued_at", "sending_at", "deferred_at", "ambiguous_at", "stuck_at", "sent_at", "delivered_at",
    "bounced_at", "suppressed_at", "failed_at", "canceled_at", "complained_at", "opened_at", "clicked_at", "replied_at",
    "read_at", "unsubscribed_at", "machine_opened_at", "machine_clicked_at",
)  # fmt: skip
MACHINES = {"opened_at": "machine_opened_at", "clicked_at": "machine_clicked_at"}
REACTIONS = (("replied", "replied_at"), ("read", "read_at"), ("opened", "opened_at"))
SAID = ("from_", "to", "cc", "reply_to", "subject", "html", "text", "headers")
UNIFIED = {
    "bounced": "bounced",
    "delivered": "delivered",
    "sent": "sent",
    "sending": "sending",
    "failed": "failed",
    "canceled": "failed",
    "suppressed": "failed",
}


def unified_status(status: str, times: Document) -> str:
    """One word for the whole life, the first that fits: bounced, replied, read, opened, delivered, sent, sending,
    queued; but failed where the message ended so."""
    word = UNIFIED.get(status, "queued")
    if word in ("bounced", "failed"):
        return word
    return next((reaction for reaction, at in REACTIONS if at in times), word)


def times_of(document: Document) -> dict[str, Any]:
    """The times as they are shown: a machine's open or click counts until a reader's is known, as some readers' mail is
    only ever fetched by a machine. Where the two times are the same there is no reader's."""
    times = dict(document.get("times", {}))
    return {name: times[machine] for name, machine in MACHINES.items() if machine in times} | times


def message_view(document: Document) -> dict[str, Any]:
    """One message; without its events, to which `links.trace` leads."""
    head, times = document["head"], times_of(document)
    return {
        "uuid": document["_id"],
        "status": head["status"],
        "unified_status": unified_status(head["status"], times),
        "recipient": document["recipient"],
        "type": document["recipient_type"],
        "from": document["sender"],
        "subject": document.get("subject"),
        "stream": document["stream"],
        "tags": document["tags"],
        "metadata": document["metadata"],
        "accepted_at": rfc3339(document["accepted_at"]),
        "scheduled_at": rfc3339(document["scheduled_at"]) if document.get("scheduled_at") else None,
        **{name: rfc3339(times[name]) if name in times else None for name in TIMES},
        "next_attempt_at": rfc3339(head["next_at"]) if head.get("next_at") else None,
        "attempts": document.get("attempts", 0),
        "route": _some(document.get("route"), ("transport", "name", "kind", "rollup", "rule")),
        "last_reply": _some(
            document.get("reply"), ("attempt", "stage", "code", "enhanced", "reply", "class", "hard", "host", "at")
        ),
        "trace_id": trace_id_of(document.get("trace")),
        "resend_of": document.get("resend_of"),
        "contact_id": document.get("contact_id"),
        "links": {part: f"/v1/emails/{document['_id']}/{part}" for part in ("trace", "content")},
    }


def content_view(message_id: str, content: Content) -> dict[str, Any]:
    """What a message says; of attachments what they are, and where their bytes stand."""
    path = f"/v1/emails/{message_id}/attachments"
    return {
        "uuid": message_id,
        **{name.rstrip("_"): getattr(content, name) for name in SAID},
        "html": readable(content.html, content.nonce, content.links),
        "text": readable(content.text, content.nonce, content.links),
        "attachments": [
            {
                "id": one.blob_id,
                "filename": one.filename,
                "content_type": one.content_type,
                "content_id": one.content_id,
                "size": one.size,
                "url": f"{path}/{one.blob_id}",
            }
            for one in content.attachments
        ],
        "expires_at": rfc3339(content.expires_at),
    }


def document_of_submission(submission: Document) -> dict[str, Any]:
    """A message's document as it is before the read model has heard of it.

    `submission` holds this message alone.
    """
    message = Message.decode(bytes(submission["messages"][0]["record"]))
    times = {"published_at": submission["published_at"]} if "published_at" in submission else {}
    return {
        "_id": message.message_id,
        "workspace_id": message.workspace_id,
        "recipient": message.recipient,
        "recipient_type": message.recipient_type.value,
        "sender": message.sender,
        "subject": submission.get("subject"),
        "stream": message.stream.value,
        "tags": message.tags,
        "metadata": message.metadata,
        "accepted_at": message.accepted_at,
        "times": times,
        "head": {"status": _status_of(submission)},
        "scheduled_at": message.scheduled_at,
        "resend_of": message.resend_of,
        "contact_id": message.contact_id,
        "trace": message.trace,
    }


def _status_of(submission: Document) -> str:
    """What a submission with one message knows of it before any event was read."""
    entry = submission["messages"][0]
    if "canceled_at" in entry:
        return "canceled"
    if "suppressed" in entry:
        return "suppressed"
    return "scheduled" if "due_at" in submission else "pending"


def _some(summary: Document | None, names: tuple[str, ...]) -> dict[str, Any] | None:
    if summary is None:
        return None
    shown = {name: summary.get(name) for name in names}
    return shown | ({"at": rfc3339(summary["at"])} if "at" in names else {})
