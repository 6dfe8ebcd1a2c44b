"""Each kind of right is needed: without it a message stops at the service that lost it, and goes on when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from deploy.local.stack import Stack
from services.access import kafka, mongo
from services.access.acls import Acl, acls_of
from services.access.rights import rights_of
from shared.contracts.topics import Lane, cleared, routed
from shared.mongo.client import make_client
from shared.settings import SharedSettings
from tests.e2e.account import Account, fresh
from tests.fixtures.deployment import eventually
from tests.fixtures.settings import settings_as
from tests.secured.certificates import Authority
from tests.secured.world import PREFIX, World

USER, SERVICE = "posthorn-suppression", "suppression"
LANE = Lane.STANDARD
KEY = "a" * 43 + "="
Lose = Callable[[World], Awaitable[None]]


@pytest.fixture(autouse=True)
def restored(world: World, stack: Stack) -> Iterator[None]:
    yield
    world.access("kafka", "--apply")
    world.access("mongo", "--apply")
    world.note_denials()


def without(kind: str, name: str, operation: str) -> Lose:
    async def lose(world: World) -> None:
        admin = settings(world)
        lost = Acl(kind, admin.topic(name) if kind == "topic" else admin.group(name), operation)
        acls = acls_of(rights_of([SERVICE]), admin)
        assert lost in acls
        changed = await kafka.apply(admin, {USER: [acl for acl in acls if acl != lost]}, {})
        assert changed.removed == 1

    return lose


async def without_data(world: World) -> None:
    admin = settings(world)
    kept = [{"resource": {"db": f"{PREFIX}{SERVICE}", "collection": ""}, "actions": ["insert"]}]
    await asyncio.to_thread(mongo.apply, admin, {USER: kept}, {})


@pytest.mark.parametrize(
    "lose",
    [
        pytest.param(without("topic", routed(LANE), "Read"), id="read"),
        pytest.param(without("topic", cleared(LANE), "Write"), id="write"),
        pytest.param(without("group", f"suppression.check.{LANE}", "Read"), id="group"),
        pytest.param(without_data, id="database"),
    ],
)
async def test_without_a_right_a_message_stops_and_with_it_goes_on(
    world: World, stack: Stack, account: Account, lose: Lose
) -> None:
    await lose(world)
    (message_id,) = await account.send(fresh("ok"), stream="billing")
    await eventually(lambda: asyncio.to_thread(world.new_denials), seconds=90, what="a refusal")  # type: ignore[arg-type]
    assert (await account.email(message_id))["status"] not in ("sending", "delivered")
    for server in ("kafka", "mongo"):
        await asyncio.to_thread(world.access, server, "--apply")
    await account.reaches(message_id, "delivered", seconds=120)


def settings(world: World, **other: Any) -> SharedSettings:
    """The administrator's, where the users' rights stand."""
    named = {**world.places(), **world.as_admin()}
    return settings_as(SharedSettings, named, **{"pepper": KEY, "token_key": KEY, "encryption_key": KEY, **other})


async def test_authorities_that_are_renewed_on_disk_are_those_of_the_next_connection(
    world: World, tmp_path: Path
) -> None:
    file = Authority(tmp_path / "stranger").ca_file
    given = settings(world, mongo_ca_file=file)
    client: AsyncIOMotorClient = make_client(given)
    try:
        with pytest.raises(PyMongoError, match="certificate verify failed"):
            await client.admin.command("ping")
        file.write_bytes(world.authority.ca_file.read_bytes())

        async def answers() -> bool:
            try:
                return bool((await client.admin.command("ping"))["ok"])
            except PyMongoError:
                return False

        await eventually(answers, seconds=60, what="MongoDB's answer to a client with the new authority")
    finally:
        client.close()
