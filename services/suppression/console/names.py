"""Who a change was made by, as a page says it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from services.suppression.console.words import CONSOLE_USER
from shared.contracts.entities import Kind
from shared.mongo.entity_cache import EntityCache


class Names:
    """Names of keys, of this service's copies; of a visitor whom a provider vouched for, what it said."""

    def __init__(self, cache: EntityCache) -> None:
        self._cache = cache

    async def of(self, workspace_id: str, ids: Collection[str | None]) -> Mapping[str | None, str]:
        """In words, for each; an id of None is whoever runs Posthorn, or what happened by itself."""
        keys = {id_: 0 for id_ in ids if id_ is not None and not id_.startswith(CONSOLE_USER)}
        found = await self._cache.many(Kind.API_KEY, keys) if keys else {}
        named = {id_: each.data["name"] for id_, each in found.items() if each.workspace_id == workspace_id}
        return {id_: _named(id_, named) for id_ in ids if id_ is not None}


def _named(id_: str, keys: Mapping[str, str]) -> str:
    if id_.startswith(CONSOLE_USER):
        return id_.removeprefix(CONSOLE_USER)
    return f"the key {keys[id_]}" if id_ in keys else f"a key that is there no more ({id_})"
