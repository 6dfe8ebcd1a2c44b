"""Ingest's collections: the only MongoDB code of the service."""

from __future__ import annotations

from pymongo import IndexModel

from services.ingest.store import (
    activity_counts,
    audit,
    contact_events,
    contacts,
    credentials,
    disposal,
    domains,
    erasing,
    messages,
    quota,
    relay,
    schedule,
    submissions,
    templates,
    tracked_hits,
    unattempted,
)


def _merged(*declared: dict[str, tuple[IndexModel, ...]]) -> dict[str, tuple[IndexModel, ...]]:
    merged: dict[str, tuple[IndexModel, ...]] = {}
    for indexes in declared:
        for collection, models in indexes.items():
            merged[collection] = merged.get(collection, ()) + models
    return merged


INDEXES = _merged(
    submissions.INDEXES,
    relay.INDEXES,
    schedule.INDEXES,
    messages.INDEXES,
    activity_counts.INDEXES,
    unattempted.INDEXES,
    tracked_hits.INDEXES,
    domains.INDEXES,
    contacts.INDEXES,
    contact_events.INDEXES,
    templates.INDEXES,
    audit.INDEXES,
    credentials.INDEXES,
    quota.INDEXES,
    disposal.INDEXES,
    erasing.INDEXES,
)
