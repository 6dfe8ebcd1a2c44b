"""`/v1/api-keys`: what is made, shown, changed, rotated and revoked, and what a key may hand on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.accounts.changes import COMMAND, Changes
from services.ingest.accounts.keys import ApiKeys
from services.ingest.settings import Settings
from shared.contracts.entities import Kind
from shared.contracts.record import rfc3339
from shared.mongo.entity_cache import EntityCache
from shared.secrets import api_key_digest
from shared.tokens import KEY_PREFIX, is_api_key
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import Door, make_workspace, open_door, send
from tests.integration.ingest.documented import OPERATOR, Asker
from tests.integration.ingest.test_bad_input import assert_problem

KEYS = "/v1/api-keys"


def in_days(days: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(days=days))


async def narrow(door: Door, **fields: Any) -> tuple[Asker, dict[str, Any]]:
    """A caller with a key of its own."""
    made = await Asker(door, door.key).ask(201, "POST", KEYS, {"name": "n", "scopes": ["email.send"], **fields})
    return Asker(door, made["key"]), made


async def test_a_key_is_shown_once_and_found_again_without_its_text(door: Door) -> None:
    admin = Asker(door, door.key)
    asked = {
        "name": "billing",
        "scopes": ["email.send", "email.history", "email.send"],
        "expires_at": in_days(1),
        "allowed_ips": ["192.0.2.0/24", "::ffff:198.51.100.0/120", "2001:DB8::/32"],
        "domains": ["Acme.TEST", "bücher.example"],
        "default_stream": "billing",
        "rate_limit": 600,
    }
    made = await admin.ask(201, "POST", KEYS, asked)
    text = made.pop("key")
    assert is_api_key(text)
    assert made["prefix"] == text[: len(KEY_PREFIX) + 4]
    assert made == {
        **asked,
        "scopes": ["email.send", "email.history"],
        "allowed_ips": ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"],
        "domains": ["acme.test", "xn--bcher-kva.example"],
        "id": made["id"],
        "prefix": made["prefix"],
        "created_at": made["created_at"],
        "previous_until": None,
        "last_used_at": None,
    }
    assert await admin.ask(200, "GET", f"{KEYS}/{made['id']}") == made
    listed = await admin.ask(200, "GET", KEYS)
    assert [one["id"] for one in listed["data"]][-1] == made["id"]
    stored = await door.workspaces._entities.get(Kind.API_KEY, made["id"])
    assert stored is not None
    assert stored.data["digest"] == api_key_digest(door.deployment.settings(Settings).pepper_bytes, text)
    shown = str([listed, stored.data])
    assert text not in shown
    assert text[len(made["prefix"]) :] not in shown


async def test_the_list_goes_on_behind_a_cursor_and_shows_no_other_workspaces(door: Door) -> None:
    admin = Asker(door, door.key)
    for number in range(4):
        await admin.ask(201, "POST", KEYS, {"name": f"k{number}", "scopes": ["email.send"]})
    await make_workspace(door.workspaces)
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await admin.ask(200, "GET", KEYS, limit=2, **cursor)
        names += [one["name"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert names == ["test", "k0", "k1", "k2", "k3"]
    elsewhere = Asker(door, (await make_workspace(door.workspaces))[1])
    assert_problem(await elsewhere.reply("GET", KEYS, **cursor), 422, "invalid_request", "#/cursor")


INVALID: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"name": None, "scopes": None}, {"name": "string_type", "scopes": "list_type"}),
    ({"name": "", "scopes": []}, {"name": "string_too_short", "scopes": "too_short"}),
    ({"name": "a\nb"}, {"name": "string_pattern_mismatch"}),
    ({"scopes": ["email.send", "everything"]}, {"scopes/1": "invalid_choice"}),
    ({"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": "in_the_past"}),
    ({"expires_at": "2999-01-01T00:00:00"}, {"expires_at": "timezone_aware"}),
    ({"expires_at": "9999-12-31T23:59:59-12:00"}, {"expires_at": "out_of_range"}),
    ({"expires_at": "0001-01-01T00:00:00+12:00"}, {"expires_at": "out_of_range"}),
    ({"allowed_ips": ["192.0.2.0/24", "192.0.2.1/24", "home", ""]}, dict.fromkeys(
        ("allowed_ips/1", "allowed_ips/2", "allowed_ips/3"), "invalid_network")),
    ({"domains": ["acme.test", "a b", "@", "x@acme.test"]}, dict.fromkeys(
        ("domains/1", "domains/2", "domains/3"), "invalid_domain")),
    ({"default_stream": "marketing", "rate_limit": 0}, {"default_stream": "literal_error", "rate_limit":
        "greater_than_equal"}),
    ({"rate_limit": "5", "digest": "x", "prefix": "y"}, {"rate_limit": "int_type", "digest": "extra_forbidden",
        "prefix": "extra_forbidden"}),
]  # fmt: skip


async def test_every_fault_is_named_and_no_key_is_made(door: Door) -> None:
    admin = Asker(door, door.key)
    key = (await admin.ask(200, "GET", KEYS))["data"][0]
    for changes, expected in INVALID:
        for method, path in (("POST", KEYS), ("PATCH", f"{KEYS}/{key['id']}")):
            good = {"name": "k", "scopes": ["email.send"]} if method == "POST" else {}
            reply = await admin.reply(method, path, {**good, **changes})
            assert_problem(reply, 422, "invalid_request", *(f"#/{place}" for place in expected))
            assert {fault["pointer"][2:]: fault["code"] for fault in reply.json()["errors"]} == expected
    assert (await admin.ask(200, "GET", KEYS))["data"] == [key]


async def test_the_gates(door: Door) -> None:
    _, foreign = await narrow(door)
    other = Asker(door, (await make_workspace(door.workspaces))[1])
    sender, _ = await narrow(door)
    for method, path in (
        ("GET", f"{KEYS}/{foreign['id']}"),
        ("PATCH", f"{KEYS}/{foreign['id']}"),
        ("DELETE", f"{KEYS}/{foreign['id']}"),
        ("POST", f"{KEYS}/{foreign['id']}/rotation"),
        ("POST", f"/v1/workspaces/{door.workspace.id}/api-keys"),
    ):
        assert_problem(await other.reply(method, path, {"name": 1}), 404, "not_found")
        assert_problem(await Asker(door, "x").reply(method, path, {"name": 1}), 401, "unauthorized")
        assert_problem(await sender.reply(method, path, {"name": 1}), 403, "missing_scope")
    assert_problem(await Asker(door, OPERATOR).reply("POST", "/v1/workspaces/none/api-keys", {}), 404, "not_found")


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


BOUND: list[tuple[list[str], list[str], list[str]]] = [
    (["192.0.2.0/24"], ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.3.7", "2001:db8::1", "::ffff:192.0.3.7"]),
    (["2001:db8::/32", "198.51.100.7"], ["2001:db8::1", "198.51.100.7"], ["2001:db9::1", "198.51.100.8"]),
    (["::ffff:192.0.2.0/120"], ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.3.7"]),
]


async def test_a_key_bound_to_addresses_works_from_them_alone(door: Door) -> None:
    for allowed, good, bad in BOUND:
        _, made = await narrow(door, scopes=["keys"], allowed_ips=allowed)
        for address in good:
            await Asker(door, made["key"], address).ask(200, "GET", KEYS)
        for address in (*bad, "a-socket"):
            reply = await Asker(door, made["key"], address).reply("GET", KEYS)
            assert_problem(reply, 401, "address_not_allowed")
            # who trusts nobody believes no header
            claimed = Asker(door, made["key"], address, **{"X-Forwarded-For": good[0], "Forwarded": f"for={good[0]}"})
            assert_problem(await claimed.reply("GET", KEYS), 401, "address_not_allowed")


async def test_behind_trusted_proxies_the_address_before_them_counts(deployment: Deployment) -> None:
    async with open_door(deployment, trusted_proxies="10.0.0.0/8, fd00::/8") as door:
        _, made = await narrow(door, scopes=["keys"], allowed_ips=["192.0.2.0/24"])

        def behind(peer: str, forwarded: str) -> Asker:
            return Asker(door, made["key"], peer, **{"X-Forwarded-For": forwarded})

        await behind("10.0.0.1", "192.0.2.7").ask(200, "GET", KEYS)
        await behind("fd00::1", "203.0.113.1, 192.0.2.7, 10.9.9.9").ask(200, "GET", KEYS)
        for caller in (
            behind("10.0.0.1", "192.0.2.7, 203.0.113.1"),
            behind("10.0.0.1", "192.0.2.7, unknown"),
            behind("203.0.113.1", "192.0.2.7"),
            Asker(door, made["key"], "10.0.0.1"),
        ):
            assert_problem(await caller.reply("GET", KEYS), 401, "address_not_allowed")


async def test_a_key_hands_on_nothing_that_it_does_not_have(door: Door) -> None:
    bounds = {"expires_at": in_days(1), "domains": ["acme.test"], "allowed_ips": ["203.0.113.0/24"]}
    bound, own = await narrow(door, scopes=["keys", "email.send"], **bounds)
    _, strong = await narrow(door, scopes=["keys", "admin"])
    within = {"name": "k", "scopes": ["email.send"], **bounds, "allowed_ips": ["203.0.113.128/25"]}
    made = await bound.ask(201, "POST", KEYS, within)
    excesses: list[tuple[dict[str, Any], str]] = [
        ({"scopes": ["email.send", "admin"]}, "#/scopes/1"),
        ({"expires_at": None}, "#/expires_at"),
        ({"expires_at": in_days(2)}, "#/expires_at"),
        ({"domains": []}, "#/domains"),
        ({"domains": ["acme.test", "other.test"]}, "#/domains"),
        ({"allowed_ips": []}, "#/allowed_ips"),
        ({"allowed_ips": ["203.0.113.0/24", "203.0.112.0/23"]}, "#/allowed_ips"),
    ]
    for excess, place in excesses:
        assert_problem(await bound.reply("POST", KEYS, {**within, **excess}), 403, "not_yours_to_grant", place)
        assert_problem(await bound.reply("PATCH", f"{KEYS}/{made['id']}", excess), 403, "not_yours_to_grant", place)
        assert_problem(await bound.reply("PATCH", f"{KEYS}/{own['id']}", excess), 403, "not_yours_to_grant", place)
    assert await bound.ask(200, "GET", f"{KEYS}/{made['id']}") == {
        name: value for name, value in made.items() if name != "key"
    }
    # the new text of a stronger key would be a stronger key
    reply = await bound.reply("POST", f"{KEYS}/{strong['id']}/rotation")
    assert_problem(reply, 403, "not_yours_to_grant", "#/scopes/1", "#/expires_at", "#/domains", "#/allowed_ips")
    await bound.ask(200, "POST", f"{KEYS}/{made['id']}/rotation")
    await bound.ask(204, "DELETE", f"{KEYS}/{strong['id']}")
    # a credential for SMTP is bound to nothing
    reply = await bound.reply("POST", "/v1/smtp-credentials", {"name": "c"})
    assert_problem(reply, 403, "not_yours_to_grant", "#/expires_at", "#/domains", "#/allowed_ips")


async def test_an_admin_hands_on_everything_and_the_operator_makes_the_first_key(door: Door) -> None:
    admin, _ = await narrow(door, scopes=["keys", "admin"], domains=["acme.test"])
    await admin.ask(201, "POST", KEYS, {"name": "k", "scopes": ["routing", "email.send"]})
    path = f"/v1/workspaces/{door.workspace.id}/api-keys"
    made = await Asker(door, OPERATOR).ask(201, "POST", path, {"name": "first", "scopes": ["keys", "email.send"]})
    await Asker(door, made["key"]).ask(201, "POST", path, {"name": "k", "scopes": ["email.send"]})


async def test_the_last_use_is_written_once_for_many_requests(deployment: Deployment) -> None:
    async with open_door(deployment, last_used_seconds=0.5) as door:
        admin = Asker(door, door.key)
        caller, made = await narrow(door, scopes=["keys"])
        _, unused = await narrow(door)
        before = datetime.now(UTC)
        uses = door.deployment.database("ingest")["last_uses"]
        await door.deployment.database("ingest").command("profile", 2)
        for _ in range(20):
            await caller.ask(200, "GET", f"{KEYS}/{made['id']}")

        async def last_used() -> Any:
            return (await admin.ask(200, "GET", f"{KEYS}/{made['id']}"))["last_used_at"]

        assert datetime.fromisoformat(await eventually(last_used)) >= before - timedelta(milliseconds=1)
        await door.deployment.database("ingest").command("profile", 0)
        profile = door.deployment.database("ingest")["system.profile"]
        writes = await profile.count_documents({"op": "update", "command.q._id": made["id"], "ns": uses.full_name})
        assert 1 <= writes <= 2
        assert (await admin.ask(200, "GET", f"{KEYS}/{unused['id']}"))["last_used_at"] is None
