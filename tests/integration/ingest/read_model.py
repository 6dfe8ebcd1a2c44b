"""Events put into the read model by hand, where a test has no pipeline behind it."""

from __future__ import annotations

from services.ingest.projection.fold import fold
from services.ingest.store.messages import Messages
from shared.contracts.events import Event
from tests.fixtures.deployment import Deployment


async def project(deployment: Deployment, *events: Event) -> None:
    await Messages(deployment.database("ingest")).write(fold(events))
