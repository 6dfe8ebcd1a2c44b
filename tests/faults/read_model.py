"""The read model beside the one that the topics make from nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from services.ingest.projection.rebuild import rebuild
from services.ingest.store.messages import COLLECTION
from shared.mongo.client import make_client, open_database
from shared.settings import SharedSettings

ABSENT = "nothing"


async def differences(settings: SharedSettings, workspace_id: str, since: datetime) -> dict[str, str]:
    """Where the documents of a workspace differ from those rebuilt into an empty collection, by message id.

    `since` is when the workspace was made.
    """
    client = make_client(settings)
    database = open_database(client, settings.database("ingest"))
    scratch = f"rebuilt_{secrets.token_hex(4)}"
    try:
        await rebuild(settings, scratch, workspace_id, since)
        live, rebuilt = [
            {each["_id"]: each async for each in database[name].find({"workspace_id": workspace_id})}
            for name in (COLLECTION, scratch)
        ]
    finally:
        await database.drop_collection(scratch)
        client.close()
    return {
        id_: "; ".join(_differing(live.get(id_, {}), rebuilt.get(id_, {})))
        for id_ in live.keys() | rebuilt.keys()
        if live.get(id_) != rebuilt.get(id_)
    }


def _differing(live: Mapping[str, Any], rebuilt: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name in sorted(live.keys() | rebuilt.keys()):
        here, there = live.get(name, ABSENT), rebuilt.get(name, ABSENT)
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            yield from _differing(here, there, f"{path}{name}.")
        elif here != there:
            yield f"{path}{name} is {here!r}, rebuilt {there!r}"
