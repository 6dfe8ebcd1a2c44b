"""The updates that change a suppression, as pipelines: each sees the document as it is, and changes it at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.suppression.documents.identity import IDENTITY, Named
from services.suppression.rules import NEVER, RANKS, Lesson, Reason, type_of
from shared.mongo.due import new_token

NOT_ERASED = {"$ne": ["$standing.reason", Reason.ERASURE]}
COMPLAINED = {"$eq": ["$standing.reason", Reason.COMPLAINT]}
MOST_REMOVALS = 20

Update = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Addition:
    """What somebody adds now: until a moment, or for as long as its reason counts (`lifetime` None: for good).

    `by` is the key that adds it; None for the operator and for services.
    """

    reason: Reason
    note: str | None = None
    lifetime: timedelta | None = None
    until: datetime | None = None
    origin: str = "api"
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """Who removes an entry, and why; `by` as in Addition."""

    by: str | None
    origin: str
    why: str | None = None


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
    if lesson.reason is Reason.COMPLAINT:
        joins: Any = False
        beside: Any = _if({"$and": [leads, {"$not": [COMPLAINED]}]}, "$standing", "$beside")
    else:
        joins = {"$and": [counts, COMPLAINED, {"$gt": [standing, "$beside"]}]}
        beside = _if(joins, standing, "$beside")
    return [
        {
            "$set": {
                **named.identity,
                "address": _if(counts, {"$ifNull": ["$address", named.sealed]}, "$address"),
                "parts": _if(counts, named.parts, "$parts"),
                "standing": _if(leads, standing, "$standing"),
                "beside": beside,
                "first_seen": _if(counts, {"$min": ["$first_seen", at]}, "$first_seen"),
                "last_seen": _if(counts, {"$max": ["$last_seen", at]}, "$last_seen"),
                "unpublished": _if({"$or": [leads, joins]}, _mark(new_token()), "$unpublished"),
            }
        }
    ]


def addition_update(named: Named, addition: Addition, token: str) -> Update:
    """Adds an entry now; what stands stays unless the new one counts longer, or as long and ranks higher.

    `token` is the event id of what stands where that is this addition.
    """
    # never before a removal that the same caller has just seen happen
    at: Any = {"$max": ["$$NOW", {"$add": ["$removed_at", 1]}]}
    until, rank = _end(addition, at), RANKS[addition.reason]
    standing = {
        "until": until,
        "rank": {"$literal": rank},
        "at": at,
        "event_id": token,
        "reason": {"$literal": addition.reason},
        "type": {"$literal": type_of(addition.reason)},
        "origin": {"$literal": addition.origin},
        "note": {"$literal": addition.note},
        "evidence": {"$literal": {}},
        "by": {"$literal": addition.by},
    }
    stands = {"$gt": ["$standing.until", "$$NOW"]}
    keeps = {"$and": [stands, {"$lte": [[until, rank], ["$standing.until", "$standing.rank"]]}]}
    if addition.reason is Reason.ERASURE:
        return [{"$set": {**named.identity, **_erased(standing, keeps, at, token)}}, {"$unset": _PERSONAL}]
    joins: Any = False
    if addition.reason is not Reason.COMPLAINT:
        longer = {"$gt": [[until, rank], ["$beside.until", "$beside.rank"]]}
        joins = {"$and": [stands, COMPLAINED, longer]}
        beside = _if(joins, standing, _if({"$and": [stands, COMPLAINED]}, "$beside", "$$REMOVE"))
    else:
        beside = _if(keeps, "$beside", _if(stands, "$standing", "$$REMOVE"))
    return [
        {
            "$set": {
                **named.identity,
                "address": _if(NOT_ERASED, {"$ifNull": ["$address", named.sealed]}, "$$REMOVE"),
                "parts": _if(NOT_ERASED, named.parts, "$$REMOVE"),
                "standing": _if(keeps, "$standing", standing),
                "beside": _if(NOT_ERASED, beside, "$$REMOVE"),
                "first_seen": _if(stands, "$first_seen", at),
                "last_seen": _if(keeps, "$last_seen", at),
                "unpublished": _if({"$and": [keeps, {"$not": [joins]}]}, "$unpublished", _mark(token)),
            }
        }
    ]


def new_document(named: Named, addition: Addition, token: str, at: datetime) -> dict[str, Any]:
    """What `addition_update` makes where nothing is known of an address yet. Not for erasures."""
    until = addition.until
    if until is None:
        until = NEVER if addition.lifetime is None else at + addition.lifetime
    return {
        **named.identity,
        "address": named.sealed,
        "parts": named.parts,
        "standing": {
            "until": until,
            "rank": RANKS[addition.reason],
            "at": at,
            "event_id": token,
            "reason": addition.reason,
            "type": type_of(addition.reason),
            "origin": addition.origin,
            "note": addition.note,
            "evidence": {},
            "by": addition.by,
        },
        "first_seen": at,
        "last_seen": at,
        "unpublished": {"token": token, "since": at},
    }


def removal_update(removal: Removal, token: str) -> Update:
    """Turns an entry into its tombstone; `token` is its unpublished mark."""
    removed_at = {"$max": ["$$NOW", "$last_seen"]}
    noted = {
        "at": removed_at,
        "by": {"$literal": removal.by},
        "origin": {"$literal": removal.origin},
        "why": {"$literal": removal.why},
        "token": token,
        "reason": "$standing.reason",
        "added": {"at": "$first_seen", "by": "$standing.by", "origin": "$standing.origin"},
    }
    before = {"$ifNull": ["$removals", []]}
    return [
        {
            "$replaceWith": {
                **{name: f"${name}" for name in IDENTITY},
                "removed_at": removed_at,
                "removed_reason": "$standing.reason",
                "removals": {"$slice": [{"$concatArrays": [before, [noted]]}, -MOST_REMOVALS]},
                "unpublished": _mark(token),
            }
        }
    ]


_PERSONAL = ["address", "parts", "beside", "removals"]


def _erased(standing: dict[str, Any], keeps: Any, at: Any, token: str) -> dict[str, Any]:
    """Nothing but that and since when."""
    return {
        "standing": _if(keeps, "$standing", standing),
        "first_seen": _if(keeps, "$first_seen", at),
        "last_seen": _if(keeps, "$last_seen", at),
        "unpublished": _if(keeps, "$unpublished", _mark(token)),
    }


def _end(addition: Addition, at: Any) -> Any:
    if addition.until is not None:
        return addition.until
    if addition.lifetime is None:
        return NEVER
    return {"$add": [at, round(addition.lifetime.total_seconds() * 1000)]}


def _mark(token: str) -> dict[str, Any]:
    return {"token": token, "since": "$$NOW"}


def _if(condition: Any, then: Any, otherwise: Any) -> dict[str, Any]:
    return {"$cond": [condition, then, otherwise]}
