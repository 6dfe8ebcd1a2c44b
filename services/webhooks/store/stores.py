"""The service's collections, opened together."""

from __future__ import annotations

from dataclasses import dataclass

from motor.motor_asyncio import AsyncIOMotorDatabase

from services.webhooks.settings import Settings
from services.webhooks.store.attempts import Attempts
from services.webhooks.store.deliveries import Deliveries
from services.webhooks.store.jobs import Jobs
from services.webhooks.store.tasks import Tasks
from services.webhooks.store.troubles import Troubles
from shared.mongo.erasures import KnownErasures


@dataclass(frozen=True)
class Stores:
    """The collections of one process; `deliveries` are the jobs as their owners see them."""

    jobs: Jobs
    deliveries: Deliveries
    attempts: Attempts
    tasks: Tasks
    troubles: Troubles
    erasures: KnownErasures


def open_stores(database: AsyncIOMotorDatabase, settings: Settings) -> Stores:
    lease, kept = settings.webhook_lease_seconds, settings.webhook_kept_days
    return Stores(
        Jobs(database, lease, kept),
        Deliveries(database),
        Attempts(database, kept),
        Tasks(database, lease, kept),
        Troubles(database),
        KnownErasures(database, settings.pepper_bytes),
    )
