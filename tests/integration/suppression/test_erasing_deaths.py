"""The suppression service dies before any write of an erasure: the next process ends it, and counts the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.suppression.documents.updates import Removal
from services.suppression.erasing.parts import ErasingParts
from services.suppression.erasing.store import ErasureStore
from services.suppression.rules import Place, Reason
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.erasing import Erasing
from shared.secrets import SecretBox, address_hmac
from shared.service import Base
from shared.tokens import uuid7
from tests.fixtures.erasing import Part, survives_every_death
from tests.integration.suppression.conftest import Suppressing

WHOLE = Place("w1")


async def everything(suppressing: Suppressing, address: str) -> None:
    """An entry that was removed and came again, one of a domain, one of a stream that was removed, and a strike."""
    store, now = suppressing.make_store(), datetime.now(UTC)
    strikes = suppressing.deployment.database("suppression")["strikes"]
    for place in (WHOLE, Place("w1", stream="product"), Place("w1", domain="c.example")):
        await store.add(place, address, Reason.MANUAL, f"wrote as {address}", None)
    for place in (WHOLE, Place("w1", stream="product")):
        entry = await store.find(place, address, now + timedelta(seconds=1))
        assert entry is not None
        await store.remove([(entry, Removal("k1", "api", f"{address} asked for it"))], guarded=True)
    await store.add(WHOLE, address, Reason.MANUAL, f"again {address}", None)
    digest = address_hmac(suppressing.settings.pepper_bytes, address)
    noted = {"_id": uuid7(), "key": f"workspace:w1:{digest}", "workspace_id": "w1", "address_hmac": digest}
    await strikes.insert_one({**noted, "kind": "soft", "at": now, "evidence": {"reply": f"452 <{address}> full"}})


async def test_suppression_ends_what_it_died_of(suppressing: Suppressing, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = suppressing.deployment
    settings = deployment.settings(Settings, erasure_settle_seconds=1e-9)

    def erasing_of(base: Base) -> Erasing:
        box = SecretBox(settings.encryption_key_bytes)
        store = Suppressions(base.database, settings.pepper_bytes, box, base.publisher)
        return ErasingParts(base, settings, store, ErasureStore(base.database, base.publisher)).erasing

    part = Part(deployment, "suppression", settings, erasing_of)
    counts = {"suppressions_deleted": 2, "suppressions_by_hmac": 1}
    deaths = await survives_every_death(
        part, lambda address: everything(suppressing, address), "w1", counts, monkeypatch
    )
    assert deaths > 4
    entries = deployment.database("suppression")["suppressions"]
    assert {each["standing"]["reason"] async for each in entries.find({})} == {"erasure"}
    assert await entries.count_documents({"removals": {"$exists": True}}) == 0
