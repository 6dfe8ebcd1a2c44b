"""Ingest dies before any write of an erasure: the next process ends it, and counts the same."""

from __future__ import annotations

from functools import partial

import pytest

from services.ingest.disposal import Disposal
from services.ingest.erasing import MailErasing
from services.ingest.settings import Settings
from shared.contracts.topics import COMMANDS
from shared.erasing import Erasing
from shared.service import Base
from tests.fixtures.deployment import Deployment
from tests.fixtures.erasing import Part, survives_every_death
from tests.integration.ingest.persons import COUNTS, everything


def erasing_of(base: Base) -> Erasing:
    return Erasing(base, MailErasing(base, Disposal(base)).erase)


async def test_ingest_ends_what_it_died_of(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    await deployment.prepare("ingest", topics=(COMMANDS,))
    settings = deployment.settings(Settings, erasure_settle_seconds=1e-9)
    part = Part(deployment, "ingest", settings, erasing_of)
    deaths = await survives_every_death(part, partial(everything, deployment), "w1", COUNTS, monkeypatch)
    assert deaths > 10
