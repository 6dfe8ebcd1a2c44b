"""The service's collections."""

from __future__ import annotations

from pymongo import IndexModel

from services.webhooks.store import attempts, jobs, troubles

INDEXES: dict[str, tuple[IndexModel, ...]] = jobs.INDEXES | attempts.INDEXES | troubles.INDEXES
