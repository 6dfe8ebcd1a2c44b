"""The service's collections."""

from __future__ import annotations

from pymongo import IndexModel

from services.webhooks.store import attempts, erasing, jobs, tasks, troubles

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    **tasks.INDEXES,
    **troubles.INDEXES,
    jobs.JOBS: (*jobs.INDEXES[jobs.JOBS], *erasing.INDEXES[jobs.JOBS]),
    attempts.ATTEMPTS: (*attempts.INDEXES[attempts.ATTEMPTS], *erasing.INDEXES[attempts.ATTEMPTS]),
}
