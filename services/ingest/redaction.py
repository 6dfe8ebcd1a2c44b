"""What is left of an erased person's messages in ingest's documents. Pure: builds updates, never runs them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.ingest.projection.fold import REPLY_FIELDS
from services.ingest.search.terms import terms_of_identity
from shared.contracts.messages import Message
from shared.erasure import coded, erased_address, names, redacted_data, redacted_message, redacted_tag, replaced
from shared.mongo.erasures import Erasure
from shared.mongo.outbox import unpublished

Document = dict[str, Any]
Change = tuple[Document, Document]


def changes_of_submission(submission: Mapping[str, Any], erasure: Erasure, now: datetime) -> list[Change]:
    """Updates of a submission with their conditions: one for each message to the person, then the reply and the key.

    What has not been published is canceled, and says so.
    """
    entries = [each for each in submission["messages"] if _is_theirs(each, erasure)]
    changes = [_change_of_entry(submission, each, erasure, now) for each in entries]
    fields: Document = {}
    if reply := submission.get("reply"):
        text = replaced(bytes(reply).decode(), erasure.address, erasure.address_hmac, whole=True).encode()
        fields |= {"reply": text} if text != bytes(reply) else {}
    gone: Document = {}
    if names(str(submission.get("key", "")), erasure.address):
        gone = dict.fromkeys(("key", "key_until", "digest", "reply"), "")
        fields.pop("reply", None)
    update = {name: part for name, part in (("$set", fields), ("$unset", gone)) if part}
    return [*changes, ({}, update)] if update else changes


def update_of_message(document: Mapping[str, Any], erasure: Erasure) -> Document:
    """The update of a document of the read model: as the fold makes it of redacted events."""
    theirs = erased_address(erasure.address_hmac)
    tags = [redacted_tag(tag, erasure.address) for tag in document.get("tags", [])]
    fields: Document = {"recipient": theirs, "recipient_key": theirs, "tags": tags, "metadata": {}}
    if "sender" in document:
        fields["terms"] = terms_of_identity(theirs, document["sender"], tags)
    for id_, event in document.get("events", {}).items():
        fields[f"events.{id_}.data"] = redacted_data(event["data"])
    for id_, attempt in document.get("webhooks", {}).items():
        if "excerpt" in attempt:
            fields[f"webhooks.{id_}.excerpt"] = ""
    gone = {"subject": ""}
    for summary in ("reply", "bounce"):
        said = document.get(summary, {})
        fields |= {f"{summary}.{name}": coded(said[name]) for name in REPLY_FIELDS if name in said}
    if "reply" in document:
        fields |= {"reply.reply": ""} if "reply" in document["reply"] else {}
        fields.pop("reply.host", None)
        gone["reply.host"] = ""
    return {"$set": fields, "$unset": gone}


def _is_theirs(entry: Mapping[str, Any], erasure: Erasure) -> bool:
    id_, recipient = str(entry["id"]), str(entry["recipient"])
    return id_ < erasure.before and recipient.lower() == erasure.address.lower()


def _change_of_entry(
    submission: Mapping[str, Any], entry: Mapping[str, Any], erasure: Erasure, now: datetime
) -> Change:
    """Its record as it would be published again, without the person; what waits for its time is not to wait."""
    record = Message.decode(bytes(entry["record"]))
    redacted = redacted_message(record, erasure.address_hmac, now)
    fields: Document = {
        "messages.$.recipient": erased_address(erasure.address_hmac),
        "messages.$.record": redacted.with_changes(verdict=None).encode(),
    }
    waits = "published_at" not in submission and (
        "due_at" in submission or entry["id"] in submission.get("pending", ())
    )
    if waits and "canceled_at" not in entry and "suppressed" not in entry:
        fields |= {"messages.$.canceled_at": now, "unpublished": unpublished(now)}
    return {"messages.id": entry["id"]}, {"$set": fields, "$pull": {"pending": entry["id"]}}
