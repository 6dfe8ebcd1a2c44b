"""`/v1/api-keys`: what is made, shown, listed and refused, and its last use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.settings import Settings
from shared.contracts.entities import Kind
from shared.secrets import api_key_digest
from shared.tokens import KEY_PREFIX, is_api_key
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import Door, make_workspace, open_door
from tests.integration.ingest.documented import OPERATOR, Asker
from tests.integration.ingest.key_requests import KEYS, in_days, narrow
from tests.integration.ingest.test_bad_input import assert_problem


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


async def test_the_last_use_is_written_once_for_many_requests(deployment: Deployment) -> None:
    async with open_door(deployment, last_used_seconds=2) as door:
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
        assert 1 <= writes < 20
        assert (await admin.ask(200, "GET", f"{KEYS}/{unused['id']}"))["last_used_at"] is None
