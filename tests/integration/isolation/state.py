"""Everything that a deployment has stored, by where it stands."""

from __future__ import annotations

from typing import Any

from tests.fixtures.deployment import Deployment

State = dict[tuple[str, str, str], str]


async def state_of(deployment: Deployment, *, without: str | None = None) -> State:
    """Every document of every database; `without` leaves out those that name a workspace."""
    found: State = {}
    for database in await deployment.client.list_database_names():
        if not database.startswith(deployment.prefix):
            continue
        for collection in await deployment.client[database].list_collection_names():
            async for document in deployment.client[database][collection].find({}):
                text = repr(_sorted(document))
                if without is None or without not in text:
                    found[database, collection, str(document["_id"])] = text
    return found


def changed(before: State, after: State) -> dict[str, tuple[str | None, str | None]]:
    """What is not as it was: by place, before and after."""
    return {
        "/".join(place): (before.get(place), after.get(place))
        for place in before.keys() | after.keys()
        if before.get(place) != after.get(place)
    }


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value
