"""`/v1/workspaces`: what the operator makes, what a workspace may change of itself, and its end."""

from __future__ import annotations

from typing import Any

from shared.contracts.entities import Kind, Workspace
from tests.integration.ingest.conftest import DOMAIN, SENDER, Door, make_workspace, send
from tests.integration.ingest.documented import OPERATOR, Asker
from tests.integration.ingest.test_bad_input import assert_problem

ALL = "/v1/workspaces"
FULL: dict[str, Any] = {
    "name": "Shop",
    "owner_email": "Owner@Shop.Test",
    "owner_verified": True,
    "features": ["smtp.enabled"],
    "default_sender": "hello@shop.test",
    "default_stream": "billing",
    "default_tracking": ["opens"],
    "max_recipients": 10,
    "max_domains": 3,
    "max_message_bytes": 1_000_000,
    "smtputf8": True,
    "rate_limit": 6000,
    "daily_quota": 500,
    "keep_content": False,
    "complaints_spare_critical": True,
}


async def test_the_operator_makes_reads_changes_and_lists_workspaces(door: Door) -> None:
    operator = Asker(door, OPERATOR)
    made = await operator.ask(201, "POST", ALL, FULL)
    assert made == {**FULL, "owner_email": "Owner@shop.test", "id": made["id"], "created_at": made["created_at"]}
    assert await operator.ask(200, "GET", f"{ALL}/{made['id']}") == made
    small = await operator.ask(201, "POST", ALL, {"name": "Small", "owner_email": "o@small.test"})
    assert (small["owner_verified"], small["features"], small["max_recipients"]) == (False, [], 50)
    listed = await operator.ask(200, "GET", ALL)
    assert [one["id"] for one in listed["data"]] == [door.workspace.id, made["id"], small["id"]]
    page = await operator.ask(200, "GET", ALL, limit=1)
    page = await operator.ask(200, "GET", ALL, limit=2, cursor=page["next_cursor"])
    assert ([one["id"] for one in page["data"]], page["has_more"]) == ([made["id"], small["id"]], False)

    changed = await operator.ask(200, "PATCH", f"{ALL}/{made['id']}", {"daily_quota": None, "features": []})
    assert changed == {**made, "daily_quota": None, "features": []}
    # a new owner's address is not verified
    changed = await operator.ask(200, "PATCH", f"{ALL}/{made['id']}", {"owner_email": "new@shop.test"})
    assert (changed["owner_email"], changed["owner_verified"]) == ("new@shop.test", False)
    verified = await operator.ask(200, "POST", f"{ALL}/{made['id']}/owner-verification")
    assert verified == {**changed, "owner_verified": True}
    assert await operator.ask(200, "POST", f"{ALL}/{made['id']}/owner-verification") == verified
    stored = await door.workspaces._entities.get(Kind.WORKSPACE, made["id"])
    assert stored is not None
    assert stored.version == 4
    assert Workspace.model_validate(stored.data).rate_limit == 6000

    invalid: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"owner_email": "nobody"}, {"owner_email": "invalid_address"}),
        ({"features": ["smtp.enabled", "magic"]}, {"features/1": "invalid_choice"}),
        ({"default_stream": "x", "default_tracking": ["replies"]}, {"default_stream": "literal_error",
            "default_tracking/0": "literal_error"}),
        ({"max_recipients": 0, "max_message_bytes": 1, "daily_quota": -1}, dict.fromkeys(
            ("max_recipients", "max_message_bytes", "daily_quota"), "greater_than_equal")),
        ({"id": "x", "owner_verified": 1}, {"id": "extra_forbidden", "owner_verified": "bool_type"}),
    ]  # fmt: skip
    for changes, expected in invalid:
        for method, path in (("POST", ALL), ("PATCH", f"{ALL}/{made['id']}")):
            reply = await operator.reply(method, path, {**(FULL if method == "POST" else {}), **changes})
            assert_problem(reply, 422, "invalid_request", *(f"#/{place}" for place in expected))
            assert {fault["pointer"][2:]: fault["code"] for fault in reply.json()["errors"]} == expected
    assert len((await operator.ask(200, "GET", ALL))["data"]) == 3


async def test_a_key_with_admin_changes_the_defaults_of_its_own_and_no_more(door: Door) -> None:
    admin = Asker(door, door.key)
    own = f"{ALL}/{door.workspace.id}"
    changes = {
        "default_stream": "security", "default_tracking": ["opens", "clicks"], "default_sender": SENDER,
        "complaints_spare_critical": True,
    }  # fmt: skip
    changed = await admin.ask(200, "PATCH", own, changes)
    assert {name: changed[name] for name in changes} == changes
    assert await admin.ask(200, "GET", own) == changed
    # it holds for the next message
    assert (await door.post(send())).status_code == 202
    assert (await door.submissions())[0]["lane"] == "critical"
    changed = await admin.ask(200, "PATCH", own, {"default_sender": f"any@{DOMAIN}"})
    assert changed["default_sender"] == f"any@{DOMAIN}"
    reply = await admin.reply("PATCH", own, {"max_recipients": 999, "features": [], "default_sender": "a@strange.test"})
    assert_problem(reply, 422, "invalid_request", "#/max_recipients", "#/features", "#/default_sender")
    codes = {fault["pointer"]: fault["code"] for fault in reply.json()["errors"]}
    assert codes["#/features"] == "operator_only"
    assert codes["#/default_sender"] == "sender_not_verified"


async def test_the_gates(door: Door) -> None:
    _, other_key = await make_workspace(door.workspaces)
    narrow = (await door.workspaces.create_api_key(door.workspace.id, "n", ["keys", "email.send"])).secret or ""
    admin, stranger = Asker(door, door.key), Asker(door, other_key)
    own = f"{ALL}/{door.workspace.id}"
    for method, path in (("POST", ALL), ("GET", ALL), ("DELETE", own), ("POST", f"{own}/owner-verification")):
        for caller in (admin, stranger, Asker(door, "x")):
            assert_problem(await caller.reply(method, path, {"name": 1}), 401, "unauthorized")
    for method, path in (("GET", own), ("PATCH", own), ("GET", f"{own}/audit")):
        assert_problem(await stranger.reply(method, path, {"name": 1}), 404, "not_found")
        assert_problem(await Asker(door, narrow).reply(method, path, {"name": 1}), 403, "missing_scope")
        assert_problem(await Asker(door, "x").reply(method, path, {"name": 1}), 401, "unauthorized")
    for method in ("GET", "PATCH", "DELETE"):
        assert_problem(await Asker(door, OPERATOR).reply(method, f"{ALL}/none", {"name": 1}), 404, "not_found")


async def test_a_deleted_workspaces_keys_open_nothing_from_the_next_request_on(door: Door) -> None:
    workspace, key = await make_workspace(door.workspaces)
    await door.workspaces.create_domain(workspace.id, DOMAIN, verified=True)
    second = (await door.workspaces.create_api_key(workspace.id, "second")).secret or ""
    operator, kept = Asker(door, OPERATOR), door.key
    for door.key in (key, second):
        assert (await door.post(send())).status_code == 202
    await operator.ask(204, "DELETE", f"{ALL}/{workspace.id}")
    for door.key in (key, second):
        assert_problem(await door.post(send()), 401, "unauthorized")
        assert_problem(await Asker(door, door.key).reply("GET", "/v1/audit"), 401, "unauthorized")
    door.key = kept
    assert (await door.post(send())).status_code == 202
    assert_problem(await operator.reply("GET", f"{ALL}/{workspace.id}"), 404, "not_found")
    assert_problem(await operator.reply("POST", f"{ALL}/{workspace.id}/api-keys", {}), 404, "not_found")
    assert workspace.id not in [one["id"] for one in (await operator.ask(200, "GET", ALL))["data"]]
