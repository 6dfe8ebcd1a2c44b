"""The service's collections."""

from __future__ import annotations

from pymongo import IndexModel

from services.webhooks.store import attempts, jobs, tasks, troubles

INDEXES: dict[str, tuple[IndexModel, ...]] = jobs.INDEXES | attempts.INDEXES | tasks.INDEXES | troubles.INDEXES
