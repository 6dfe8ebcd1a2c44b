"""`/v1/api-keys`: from which request on a change, a rotation, a revocation and an end hold."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from services.ingest.accounts.changes import COMMAND, Changes
from services.ingest.accounts.keys import ApiKeys
from shared.contracts.entities import Kind
from shared.mongo.entity_cache import EntityCache
from tests.fixtures.deployment import eventually
from tests.integration.ingest.conftest import Door, send
from tests.integration.ingest.documented import Asker
from tests.integration.ingest.key_requests import KEYS, in_days, narrow
from tests.integration.ingest.test_bad_input import assert_problem


async def test_a_revoked_key_opens_nothing_from_the_next_request_on(door: Door) -> None:
    for _ in range(3):
        caller, made = await narrow(door)
        door.key, admin = caller.key, Asker(door, door.key)
        assert (await door.post(send())).status_code == 202  # it stands in the process's memory now
        await admin.ask(204, "DELETE", f"{KEYS}/{made['id']}")
        assert_problem(await door.post(send()), 401, "unauthorized")
        door.key = admin.key
        await admin.ask(404, "GET", f"{KEYS}/{made['id']}")
        assert made["id"] not in [one["id"] for one in (await admin.ask(200, "GET", KEYS))["data"]]


async def test_the_process_that_revokes_a_key_does_not_wait_to_hear_of_it(door: Door) -> None:
    entities = door.workspaces._entities
    cache = EntityCache(entities)
    cache._live = True  # it remembers, and nobody tells it of changes
    changes = Changes(cache, door.workspaces._changes._publisher, 400)
    [key] = await entities.find(Kind.API_KEY, {"workspace_id": door.workspace.id})
    digest = key.data["digest"]
    for _ in range(2):
        assert await cache.find_one(Kind.API_KEY, "digest", digest) is not None
    await ApiKeys(changes, b"").revoke(COMMAND, key)
    assert await cache.find_one(Kind.API_KEY, "digest", digest) is None
    assert await cache.get(Kind.API_KEY, key.id) is None


async def test_a_change_holds_from_the_next_request_on(door: Door) -> None:
    admin = Asker(door, door.key)
    caller, made = await narrow(door, scopes=["keys", "email.send"])
    path = f"{KEYS}/{made['id']}"
    await caller.ask(200, "GET", KEYS)
    changed = await admin.ask(200, "PATCH", path, {"name": "new", "scopes": ["email.history"], "rate_limit": 7})
    new = {"name": "new", "scopes": ["email.history"], "rate_limit": 7, "last_used_at": changed["last_used_at"]}
    assert changed == {**{name: made[name] for name in changed}, **new}
    assert_problem(await caller.reply("GET", KEYS), 403, "missing_scope")
    await admin.ask(200, "PATCH", path, {"scopes": ["keys"], "expires_at": in_days(0.5)})
    await caller.ask(200, "GET", KEYS)
    cleared = await admin.ask(200, "PATCH", path, {"expires_at": None, "rate_limit": None})
    assert (cleared["expires_at"], cleared["rate_limit"]) == (None, None)
    before = await door.workspaces._entities.get(Kind.API_KEY, made["id"])
    assert await admin.ask(200, "PATCH", path, {}) == {**cleared}
    assert await door.workspaces._entities.get(Kind.API_KEY, made["id"]) == before  # nothing new is no new version


async def test_two_changes_at_once_are_one_and_a_conflict(door: Door) -> None:
    admin = Asker(door, door.key)
    _, made = await narrow(door)
    replies = await asyncio.gather(
        *(admin.reply("PATCH", f"{KEYS}/{made['id']}", {"name": f"name {number}"}) for number in range(8))
    )
    assert {reply.status_code for reply in replies} <= {200, 409}
    stored = await admin.ask(200, "GET", f"{KEYS}/{made['id']}")
    assert stored["name"] in [reply.json()["name"] for reply in replies if reply.status_code == 200]
    entity = await door.workspaces._entities.get(Kind.API_KEY, made["id"])
    assert entity is not None
    assert entity.version == 1 + sum(reply.status_code == 200 for reply in replies)


async def test_who_revokes_a_key_need_not_wait_for_who_changes_it(door: Door) -> None:
    admin = Asker(door, door.key)
    for _ in range(3):
        _, made = await narrow(door)
        path = f"{KEYS}/{made['id']}"
        replies = await asyncio.gather(
            *(admin.reply("PATCH", path, {"name": f"name {number}"}) for number in range(6)),
            admin.reply("DELETE", path),
            *(admin.reply("PATCH", path, {"name": f"name {number}"}) for number in range(6, 9)),
        )
        assert replies[6].status_code == 204
        await admin.ask(404, "GET", path)


async def test_after_a_rotation_both_texts_work_until_the_grace_ends(door: Door) -> None:
    admin = Asker(door, door.key)
    old, made = await narrow(door, scopes=["keys"])
    path = f"{KEYS}/{made['id']}"
    await old.ask(200, "GET", KEYS)
    rotated = await admin.ask(200, "POST", f"{path}/rotation", {"grace_seconds": 3600})
    new = Asker(door, rotated["key"])
    until = datetime.fromisoformat(rotated["previous_until"])
    assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(hours=1)
    assert rotated["id"] == made["id"]
    assert rotated["prefix"] != made["prefix"]
    for caller in (old, new):
        assert (await caller.ask(200, "GET", path))["prefix"] == rotated["prefix"]
    # a second rotation ends the first text; the grace of this one is over at once
    rotated = await admin.ask(200, "POST", f"{path}/rotation", {"grace_seconds": 1})
    newest = Asker(door, rotated["key"])
    assert_problem(await old.reply("GET", KEYS), 401, "unauthorized")

    async def has_ended() -> bool:
        return (await new.reply("GET", KEYS)).status_code == 401

    await new.ask(200, "GET", KEYS)
    await eventually(has_ended, seconds=5)
    assert_problem(await new.reply("GET", KEYS), 401, "key_expired")
    await newest.ask(200, "GET", KEYS)
    rotated = await admin.ask(200, "POST", f"{path}/rotation", {"grace_seconds": 0})
    assert rotated["previous_until"] is None
    assert_problem(await newest.reply("GET", KEYS), 401, "unauthorized")
    rotated = await admin.ask(200, "POST", f"{path}/rotation")  # without a body: a day
    assert datetime.fromisoformat(rotated["previous_until"]) - datetime.now(UTC) > timedelta(hours=23)
    reply = await admin.reply("POST", f"{path}/rotation", {"grace_seconds": -1, "grace": 1})
    assert_problem(reply, 422, "invalid_request", "#/grace_seconds", "#/grace")


async def test_a_text_that_was_replaced_is_found_through_its_index(door: Door) -> None:
    keys = door.deployment.database("ingest")[Kind.API_KEY]
    for field in ("digest", "previous_digest"):
        plan = await keys.find({f"data.{field}": "x", "deleted": {"$ne": True}}).explain()
        assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])


async def test_an_expired_key_opens_nothing(door: Door) -> None:
    caller, made = await narrow(door, scopes=["keys"], expires_at=in_days(1))
    await caller.ask(200, "GET", KEYS)
    entities = door.workspaces._entities
    stored = await entities.get(Kind.API_KEY, made["id"])
    assert stored is not None
    past = {**stored.data, "expires_at": datetime.now(UTC) - timedelta(seconds=1)}
    await entities.put(Kind.API_KEY, stored.id, stored.workspace_id, past)

    async def has_ended() -> bool:
        return (await caller.reply("GET", KEYS)).status_code == 401

    await eventually(has_ended, seconds=5)
    assert_problem(await caller.reply("GET", KEYS), 401, "key_expired")
