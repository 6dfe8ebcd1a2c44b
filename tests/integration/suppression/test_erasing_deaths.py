"""The suppression service dies before any write of an erasure: the next process ends it, and counts the same."""

from __future__ import annotations

from functools import partial

import pytest

from services.suppression.erasing.parts import ErasingParts
from services.suppression.erasing.store import ErasureStore
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.erasing import Erasing
from shared.service import Base
from tests.fixtures.erasing import Part, survives_every_death
from tests.integration.suppression.conftest import Suppressing
from tests.integration.suppression.persons import COUNTS, everything


async def test_suppression_ends_what_it_died_of(suppressing: Suppressing, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = suppressing.deployment
    settings = deployment.settings(Settings, erasure_settle_seconds=1e-9)

    def erasing_of(base: Base) -> Erasing:
        box = settings.secret_box
        store = Suppressions(base.database, settings.pepper_bytes, box, base.publisher)
        return ErasingParts(base, settings, store, ErasureStore(base.database, base.publisher)).erasing

    part = Part(deployment, "suppression", settings, erasing_of)
    deaths = await survives_every_death(part, partial(everything, deployment), "w1", COUNTS, monkeypatch)
    assert deaths > 4
    entries = deployment.database("suppression")["suppressions"]
    assert {each["standing"]["reason"] async for each in entries.find({})} == {"erasure"}
    assert await entries.count_documents({"removals": {"$exists": True}}) == 0
