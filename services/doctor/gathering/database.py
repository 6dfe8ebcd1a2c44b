"""MongoDB as it describes itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import IndexModel
from pymongo.errors import OperationFailure, PyMongoError

from services.doctor.checks.database import DatabaseFacts
from services.doctor.options import Options
from services.roles import SERVICES
from services.setup import CONTENT, declared_indexes
from shared.mongo.client import make_client, open_database

NOWHERE = "doctor"
"""A collection that is never made: a delete in it changes nothing, and still waits for the majority."""


async def gather(options: Options) -> DatabaseFacts:
    settings = options.shared
    client = make_client(settings)
    try:
        hello = await client.admin.command("hello")
        version = (await client.admin.command("buildInfo"))["version"]
        missing: dict[str, list[str]] = {}
        for name in (*SERVICES, CONTENT):
            database = open_database(client, settings.database(name))
            for collection, declared in declared_indexes(name):
                there = (await database[collection].index_information()).values()
                if lacking := _lacking(declared, list(there)):
                    missing[f"{database.name}.{collection}"] = lacking
        return DatabaseFacts(
            version,
            await _compatibility(client),
            hello.get("setName"),
            len(hello.get("hosts", ())),
            await _write_fault(open_database(client, settings.database("ingest"))),
            missing,
            local=settings.profile == "local",
        )
    finally:
        client.close()


async def _compatibility(client: Any) -> str | None:
    """None where the user may not ask, which costs nothing else."""
    try:
        reply = await client.admin.command({"getParameter": 1, "featureCompatibilityVersion": 1})
    except OperationFailure:
        return None
    return str(reply["featureCompatibilityVersion"]["version"])


async def _write_fault(database: Any) -> str | None:
    try:
        await database[NOWHERE].delete_one({"_id": NOWHERE})
    except PyMongoError as error:
        return type(error).__name__
    return None


def _lacking(declared: Sequence[IndexModel], there: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of the indexes that are not there, in words."""
    known = [_key(each["key"]) for each in there]
    wanted = [_key(index.document["key"].items()) for index in declared]
    return [", ".join(f"{name} {order}" for name, order in key) for key in wanted if key not in known]


def _key(pairs: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(int(order)) if isinstance(order, int | float) else str(order)) for name, order in pairs)
