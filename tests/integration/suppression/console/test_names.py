"""Who did something, as pages say it."""

from __future__ import annotations

from services.suppression.console.names import Names
from shared.contracts.entities import Kind
from shared.mongo.entities import Entities
from shared.mongo.entity_cache import EntityCache
from tests.integration.suppression.conftest import Suppressing


async def test_keys_and_people_have_names_and_what_is_gone_or_anothers_has_none(answering: Suppressing) -> None:
    entities = Entities(answering.deployment.database("suppression"))
    for id_, workspace_id, deleted in (("k1", "w1", False), ("k2", "w1", True), ("k3", "w2", False)):
        data = {"name": f"name of {id_}", "digest": id_, "prefix": "ph_live_", "scopes": []}
        await entities.put(Kind.API_KEY, id_, workspace_id, data, deleted=deleted)
    names = await Names(EntityCache(entities)).of("w1", {"k1", "k2", "k3", "console:Ann Person", None})
    assert names == {
        "k1": "the key name of k1",
        "k2": "a key that is there no more (k2)",
        "k3": "a key that is there no more (k3)",
        "console:Ann Person": "Ann Person",
    }
