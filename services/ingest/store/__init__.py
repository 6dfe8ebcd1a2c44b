"""Ingest's collections: the only MongoDB code of the service."""

from __future__ import annotations

from pymongo import IndexModel

from services.ingest.store import audit, credentials, messages, quota, relay, submissions


def _merged(*declared: dict[str, tuple[IndexModel, ...]]) -> dict[str, tuple[IndexModel, ...]]:
    merged: dict[str, tuple[IndexModel, ...]] = {}
    for indexes in declared:
        for collection, models in indexes.items():
            merged[collection] = merged.get(collection, ()) + models
    return merged


INDEXES = _merged(
    submissions.INDEXES, relay.INDEXES, messages.INDEXES, audit.INDEXES, credentials.INDEXES, quota.INDEXES
)
