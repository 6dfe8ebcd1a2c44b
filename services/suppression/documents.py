"""The shape of a suppression in the database, and the updates that change one. Pure: builds, never runs them.

`{_id: "<scope>:<address HMAC>", public_id, scope, workspace_id, address_hmac, address, parts, standing, first_seen,
last_seen, removed_at, unpublished}`. `parts` are the HMACs of what stands before and after the address's @. `standing`
is what suppresses the address now: of all lessons the one that counts longest, then ranks highest, then is newest. That
is a maximum, so lessons may come twice and in any order. A removal leaves a tombstone without the address and its
parts: a lesson that occurred before `removed_at` changes nothing. Nor has an erasure's entry an address, parts or
evidence: it goes on blocking by its HMAC alone, whatever is learned or added later.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.suppression.rules import NEVER, RANKS, Entry, Lesson, Place, Reason, type_of
from shared.contracts.events import Event
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import SUPPRESSION_CHANGES
from shared.kafka.publish import Outgoing
from shared.mongo.due import new_token

NAMESPACE = uuid.UUID("0d9a3c52-41f4-5d0e-8f2b-1b0f0d8c7e55")
NOT_ERASED = {"$ne": ["$standing.reason", Reason.ERASURE]}
IDENTITY = ("_id", "public_id", "scope", "workspace_id", "address_hmac")

Update = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Named:
    """An address as an entry holds it: sealed, and the HMACs that a search finds it by."""

    identity: Mapping[str, Any]
    sealed: str
    parts: list[str]


def identity_of(place: Place, digest: str) -> dict[str, Any]:
    """The fields that never change; `public_id` is what callers see, of this place alone."""
    key = f"{place.scope}:{digest}"
    return {
        "_id": key,
        "public_id": str(uuid.uuid5(NAMESPACE, key)),
        "scope": place.scope,
        "workspace_id": place.workspace_id,
        "address_hmac": digest,
    }


def lesson_update(named: Named, lesson: Lesson) -> Update:
    """Takes a lesson, unless the entry was removed after it occurred or something else stands above it."""
    at = lesson.occurred_at
    standing = {
        "$literal": {
            "until": lesson.until,
            "rank": RANKS[lesson.reason],
            "at": at,
            "event_id": lesson.event_id,
            "reason": lesson.reason,
            "type": type_of(lesson.reason),
            "origin": "event",
            "note": None,
            "evidence": lesson.evidence,
        }
    }
    counts = {"$and": [{"$gt": [at, "$removed_at"]}, NOT_ERASED]}
    leads = {"$and": [counts, {"$gt": [standing, "$standing"]}]}
    return [
        {
            "$set": {
                **named.identity,
                "address": _if(counts, {"$ifNull": ["$address", named.sealed]}, "$address"),
                "parts": _if(counts, named.parts, "$parts"),
                "standing": _if(leads, standing, "$standing"),
                "first_seen": _if(counts, {"$min": ["$first_seen", at]}, "$first_seen"),
                "last_seen": _if(counts, {"$max": ["$last_seen", at]}, "$last_seen"),
                "unpublished": _if(leads, _mark(new_token()), "$unpublished"),
            }
        }
    ]


def manual_update(named: Named, reason: Reason, note: str | None, lifetime: timedelta | None, token: str) -> Update:
    """Adds an entry by hand, now; what stands stays unless the new reason counts longer or ranks higher.

    `token` is the unpublished mark that the document bears where this update changed it.
    """
    # never before a removal that the same caller has just seen happen
    at: Any = {"$max": ["$$NOW", {"$add": ["$removed_at", 1]}]}
    until: Any = NEVER if lifetime is None else {"$add": [at, round(lifetime.total_seconds() * 1000)]}
    rank = RANKS[reason]
    standing = {
        "until": until,
        "rank": {"$literal": rank},
        "at": at,
        "event_id": token,
        "reason": {"$literal": reason},
        "type": {"$literal": type_of(reason)},
        "origin": {"$literal": "api"},
        "note": {"$literal": note},
        "evidence": {"$literal": {}},
    }
    stands = {"$gt": ["$standing.until", "$$NOW"]}
    keeps = {"$and": [stands, {"$lte": [[until, rank], ["$standing.until", "$standing.rank"]]}]}
    erases = {"$or": [reason is Reason.ERASURE, {"$not": [NOT_ERASED]}]}
    return [
        {
            "$set": {
                **named.identity,
                "address": _if(erases, "$$REMOVE", {"$ifNull": ["$address", named.sealed]}),
                "parts": _if(erases, "$$REMOVE", named.parts),
                "standing": _if(keeps, "$standing", standing),
                "first_seen": _if(stands, "$first_seen", at),
                "last_seen": _if(keeps, "$last_seen", at),
                "unpublished": _if(keeps, "$unpublished", _mark(token)),
            }
        }
    ]


def removal_update() -> Update:
    """Turns an entry into its tombstone."""
    return [
        {
            "$replaceWith": {
                **{name: f"${name}" for name in IDENTITY},
                "removed_at": {"$max": ["$$NOW", "$last_seen"]},
                "removed_reason": "$standing.reason",
                "unpublished": _mark(new_token()),
            }
        }
    ]


def entry_of(document: Mapping[str, Any]) -> Entry:
    standing = document["standing"]
    return Entry(
        key=document["_id"],
        id=document["public_id"],
        place=Place(document["workspace_id"]),
        address=document.get("address"),
        reason=Reason(standing["reason"]),
        until=standing["until"],
        origin=standing["origin"],
        note=standing["note"],
        evidence=standing["evidence"],
        first_seen=document["first_seen"],
        last_seen=document["last_seen"],
    )


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
    version = f"{document['_id']}:{change}:{reason}:{round(at.timestamp() * 1000)}"
    record = SuppressionChange(
        change_id=str(uuid.uuid5(NAMESPACE, version)),
        scope=document["scope"],
        workspace_id=document["workspace_id"],
        address_hmac=document["address_hmac"],
        change=change,
        reason=reason,
        occurred_at=document["unpublished"]["since"],
    )
    return Outgoing(SUPPRESSION_CHANGES, record.address_hmac, record.encode())


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


def _mark(token: str) -> dict[str, Any]:
    return {"token": token, "since": "$$NOW"}


def _if(condition: Any, then: Any, otherwise: Any) -> dict[str, Any]:
    return {"$cond": [condition, then, otherwise]}
