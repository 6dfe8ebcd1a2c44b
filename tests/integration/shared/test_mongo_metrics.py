"""What a client's commands and connections leave in metrics."""

from __future__ import annotations

import secrets

import pytest
from prometheus_client import REGISTRY
from pymongo.errors import OperationFailure

from shared.mongo.client import make_client, open_database
from shared.settings import SharedSettings
from tests.fixtures.deployment import Deployment, eventually


def value(name: str, client: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"posthorn_mongo_{name}", {"client": client, **labels}) or 0


async def test_commands_and_connections_are_measured(deployment: Deployment) -> None:
    name = f"c{secrets.token_hex(4)}"
    client = make_client(deployment.settings(SharedSettings), measured_as=name)
    try:
        collection = open_database(client, deployment.shared.database("measured"))["c"]
        await collection.insert_one({"_id": 1})
        for _ in range(3):
            assert await collection.find_one({"_id": 1})
        with pytest.raises(OperationFailure):
            await collection.update_one({"_id": 1}, {"$set": {"": 1, "$a": 2}})
        await client.admin.command("ping")
        counts = {each: value("command_seconds_count", name, command=each) for each in ("insert", "find", "other")}
        assert counts == {"insert": 1, "find": 3, "other": 1}
        assert 0 < value("command_seconds_sum", name, command="find") < 30
        assert value("commands_failed_total", name, command="update") <= 1
        assert value("connections", name, state="open") >= 1
        assert value("connections", name, state="in_use") == 0
    finally:
        client.close()

    async def closed() -> bool:
        return value("connections", name, state="open") == 0

    await eventually(closed, what="closed connections")
