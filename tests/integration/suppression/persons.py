"""All that the suppression service may hold of one person, stored as its writers store it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.suppression.documents.updates import Removal
from services.suppression.rules import Place, Reason
from shared.secrets import address_hmac
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.integration.suppression.conftest import Suppressing

COUNTS = {"suppressions_deleted": 2, "suppressions_by_hmac": 1}
WHOLE = Place("w1")


async def everything(deployment: Deployment, address: str) -> None:
    """An entry that was removed and came again, one of a domain, one of a stream that was removed, and a strike."""
    suppressing = Suppressing(deployment)
    store, now = suppressing.make_store(), datetime.now(UTC)
    strikes = deployment.database("suppression")["strikes"]
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
