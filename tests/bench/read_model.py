"""Two workspaces of a running stack whose read model is full, and what MongoDB does for the pages of the first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from pymongo import MongoClient

from deploy.local.stack import Stack
from shared.auth import WORKSPACE_SCOPES
from shared.contracts.entities import EntityChange, Kind
from shared.mongo.client import make_client, open_database
from shared.mongo.entities import NOTICES, Entities
from shared.secrets import api_key_digest
from shared.tokens import new_api_key
from tests.bench.filling import fill
from tests.bench.visiting import Browser, Pages
from tests.fixtures.profiled import Executed, profiled
from tests.fixtures.settings import settings_of

CACHE = "3G"
WORKSPACE, BESIDE = "w1", "w2"


class ReadModel:
    """`browser` is a user of the first workspace who has signed in."""

    def __init__(self, stack: Stack) -> None:
        self._settings = settings_of(stack.env)
        self._mongo: MongoClient[dict[str, Any]] = MongoClient(stack.env["POSTHORN_MONGO_URL"], tz_aware=True)
        self._collection = self._mongo[self._settings.database("ingest")]["messages"]
        key = new_api_key()
        asyncio.run(self._know(api_key_digest(self._settings.pepper_bytes, key)))
        self.browser = Browser.signed_in(stack.http_url, key)

    def fill(self, messages: int, until: datetime) -> float:
        """Writes the messages, with the memory that they and their indexes take (a stack's own half a gigabyte is for
        a laptop); returns the seconds that those of the first workspace took."""
        self._mongo.admin.command({"setParameter": 1, "wiredTigerEngineRuntimeConfig": f"cache_size={CACHE}"})
        seconds = fill(self._settings, WORKSPACE, messages, until)
        fill(self._settings, BESIDE, messages // 10, until)
        return seconds

    def size(self) -> dict[str, float]:
        """MiB of the messages, as MongoDB holds and as it stores them, and of all their indexes."""
        stats = self._collection.database.command("collstats", self._collection.name)
        parts = {"documents": "size", "stored": "storageSize", "indexes": "totalIndexSize"}
        return {name: round(stats[of] / 2**20, 1) for name, of in parts.items()}

    async def _know(self, digest: str) -> None:
        key = {"name": "bench", "digest": digest, "prefix": "ph_live_", "scopes": WORKSPACE_SCOPES}
        workspace = {"name": "Shop", "owner_email": "owner@shop.example"}
        now = datetime.now(UTC)
        client = make_client(self._settings)
        entities = Entities(open_database(client, self._settings.database("ingest")))
        known = ((Kind.WORKSPACE, WORKSPACE, workspace), (Kind.API_KEY, "k1", key))
        await entities.apply([
            EntityChange(kind=kind, id=id_, workspace_id=WORKSPACE, version=1, changed_at=now, data=data)
            for kind, id_, data in known
        ])  # fmt: skip
        client.close()

    async def looked_at(self, pages: Pages) -> dict[str, dict[str, int]]:
        """What each kind of page has MongoDB look at, in all its queries together; raises where one scans or sorts."""
        client = make_client(self._settings)
        database = open_database(client, self._settings.database("ingest"))
        found = {}
        for kind, paths in pages.items():
            async with profiled(database) as executed:
                await self.browser.page(paths[-1])
            found[kind] = _sums(kind, executed)
        client.close()
        return found


def _sums(kind: str, executed: list[Executed]) -> dict[str, int]:
    executed = [each for each in executed if each.collection != NOTICES]
    bad = [each for each in executed if "COLLSCAN" in each.plan or each.sorted]
    assert not bad, f"{kind}: {bad}"
    return {
        "queries": len(executed),
        "keys": sum(each.keys for each in executed),
        "documents": sum(each.documents for each in executed),
    }
