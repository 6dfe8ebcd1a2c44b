"""The sender dies before any write of an erasure: the next process ends it, and counts the same."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from services.sender.drain import Drain
from services.sender.endings import Endings
from services.sender.erasing import DeliveryErasing
from services.sender.handlers import CommandsHandler
from services.sender.settings import Settings
from services.sender.store.deliveries import Deliveries
from services.sender.store.drained import Drained
from shared.contracts.topics import COMMANDS, EVENTS
from shared.erasing import Erasing
from shared.mongo.clock import DatabaseClock
from shared.mongo.erasures import KnownErasures
from shared.service import Base
from tests.fixtures.deployment import Deployment
from tests.fixtures.erasing import Part, survives_every_death
from tests.integration.sender.persons import COUNTS, everything

KEPT = timedelta(days=31)


async def test_the_sender_ends_what_it_died_of(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    await deployment.prepare("sender", topics=(COMMANDS, EVENTS))
    settings = deployment.settings(Settings, erasure_settle_seconds=1e-9)

    def erasing_of(base: Base) -> Erasing:
        deliveries, known = Deliveries(base.database), KnownErasures(base.database, settings.pepper_bytes)
        drain = Drain(Drained(base.database), DatabaseClock(base.database))
        endings = Endings(deliveries, base.publisher, KEPT, known, drain)
        commands = CommandsHandler(deliveries, endings, KEPT, known, settings.pepper_bytes)
        return Erasing(base, DeliveryErasing(base, commands).erase)

    part = Part(deployment, "sender", settings, erasing_of)
    deaths = await survives_every_death(part, partial(everything, deployment), "w1", COUNTS, monkeypatch)
    assert deaths > 8
