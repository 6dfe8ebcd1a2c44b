"""What stands in documents: the entries that stop mail, and the records of what was changed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.suppression.documents.identity import NAMESPACE, place_of
from services.suppression.rules import Entry, Reason
from shared.contracts.events import Event
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import SUPPRESSION_CHANGES
from shared.kafka.publish import Outgoing


def entry_of(document: Mapping[str, Any], standing: str = "standing") -> Entry:
    """What stands, or what stands beside a complaint (`beside`)."""
    stands = document[standing]
    return Entry(
        key=document["_id"],
        id=document["public_id"],
        place=place_of(document),
        address=document.get("address"),
        reason=Reason(stands["reason"]),
        until=stands["until"],
        origin=stands["origin"],
        note=stands["note"],
        evidence=stands["evidence"],
        first_seen=document["first_seen"],
        last_seen=document["last_seen"],
        by=stands.get("by"),
    )


def entries_of(document: Mapping[str, Any]) -> list[Entry]:
    """All that stands, a complaint first."""
    return [entry_of(document, name) for name in ("standing", "beside") if name in document]


def change_record(document: Mapping[str, Any]) -> Outgoing:
    """A document's record on `suppression.changes`: the entry as it stands, or its removal.

    `occurred_at` is when the change was written, by the database's clock: the order of an address's changes. A check
    up to a write's length after it may not have seen it.
    """
    standing = document.get("standing")
    change, reason, at = (
        ("added", standing["reason"], standing["at"])
        if standing
        else ("removed", document["removed_reason"], document["removed_at"])
    )
    place = place_of(document)
    record = SuppressionChange(
        change_id=_change_id(document["_id"], change, reason, at),
        scope=place.name,
        workspace_id=place.workspace_id,
        domain=place.domain,
        stream=place.stream,
        address_hmac=document["address_hmac"],
        change=change,
        reason=reason,
        occurred_at=document["unpublished"]["since"],
    )
    return Outgoing(SUPPRESSION_CHANGES, record.address_hmac, record.encode())


def _change_id(key: str, change: str, reason: str, at: datetime) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{key}:{change}:{reason}:{round(at.timestamp() * 1000)}"))


def hit_of(event: Event, kept: timedelta) -> dict[str, Any]:
    """What is noted of a message that was stopped, once for each of its passes; from its `suppressed` event."""
    evidence = (event.data.get("verdict") or {}).get("evidence") or {}
    return {
        "_id": f"{event.message_id}:{event.pass_}",
        "message_id": event.message_id,
        "pass": event.pass_,
        "workspace_id": event.workspace_id,
        "scope": event.data.get("scope"),
        "reason": event.data.get("reason"),
        "suppression_id": evidence.get("suppression_id"),
        "at": event.occurred_at,
        "expires_at": event.occurred_at + kept,
    }
