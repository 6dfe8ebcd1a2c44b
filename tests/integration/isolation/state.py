"""Everything that a deployment has stored, by where it stands."""

from __future__ import annotations

from typing import Any

from shared.mongo.entities import NOTICES
from tests.fixtures.deployment import Deployment

State = dict[tuple[str, str, str], str]


async def state_of(deployment: Deployment, *, without: str | None = None) -> State:
    """Every document of every database but the notices of changes, whose objects are there themselves; `without`
    leaves out those that name a workspace."""
    found: State = {}
    for database in await deployment.client.list_database_names():
        if not database.startswith(deployment.prefix):
            continue
        for collection in set(await deployment.client[database].list_collection_names()) - {NOTICES}:
            async for document in deployment.client[database][collection].find({}):
                text = repr(_sorted(document))
                if without is None or without not in text:
                    found[database, collection, str(document["_id"])] = text
    return found


def changes(before: State, after: State) -> str:
    """What is not as it was, before and after; empty where all is."""
    places = sorted(place for place in before.keys() | after.keys() if before.get(place) != after.get(place))
    return "\n".join(f"{'/'.join(place)}\n  {before.get(place)}\n  {after.get(place)}" for place in places)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value
