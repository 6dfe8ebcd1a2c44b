"""The webhooks service dies before any write of an erasure: the next process ends it, and counts the same."""

from __future__ import annotations

import pytest

from services.webhooks.erasing import WebhookErasing
from services.webhooks.settings import Settings
from shared.contracts.topics import COMMANDS
from shared.erasing import Erasing
from shared.service import Base
from tests.fixtures.deployment import Deployment
from tests.fixtures.erasing import Part, survives_every_death
from tests.integration.webhooks.persons import COUNTS, told


def erasing_of(base: Base) -> Erasing:
    return Erasing(base, WebhookErasing(base).erase)


async def test_webhooks_ends_what_it_died_of(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    await deployment.prepare("webhooks", topics=(COMMANDS,))
    settings = deployment.settings(Settings, erasure_settle_seconds=1e-9)
    part = Part(deployment, "webhooks", settings, erasing_of)
    assert await survives_every_death(part, lambda address: told(deployment, address, 3), "w1", COUNTS, monkeypatch) > 3
