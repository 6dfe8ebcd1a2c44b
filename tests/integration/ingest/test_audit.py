"""The audit log: every change of keys, credentials and workspaces stands in it, and what dies in between loses none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.accounts.changes import Actor, Changes
from services.ingest.app import create_app
from services.ingest.settings import Settings
from services.ingest.store.audit import AuditLog
from shared.contracts.entities import Kind
from shared.contracts.record import rfc3339
from shared.mongo.entities import VersionConflictError
from shared.mongo.entity_cache import EntityCache
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import Door, make_workspace, open_door
from tests.integration.ingest.documented import OPERATOR, Asker
from tests.integration.ingest.test_bad_input import assert_problem

AUDIT = "/v1/audit"


async def test_every_change_of_each_route_is_told_with_who_and_from_where(door: Door) -> None:
    admin, operator = Asker(door, door.key, "203.0.113.9"), Asker(door, OPERATOR, "2001:db8::1")
    me = (await admin.ask(200, "GET", "/v1/api-keys"))["data"][0]["id"]
    workspace = f"/v1/workspaces/{door.workspace.id}"
    key = await admin.ask(201, "POST", "/v1/api-keys", {"name": "secretive", "scopes": ["email.send"]})
    await admin.ask(200, "PATCH", f"/v1/api-keys/{key['id']}", {"scopes": ["keys"], "allowed_ips": ["192.0.2.7"]})
    rotated = await admin.ask(200, "POST", f"/v1/api-keys/{key['id']}/rotation")
    await admin.ask(204, "DELETE", f"/v1/api-keys/{key['id']}")
    credential = await admin.ask(201, "POST", "/v1/smtp-credentials", {"name": "printer"})
    await admin.ask(204, "DELETE", f"/v1/smtp-credentials/{credential['id']}")
    await admin.ask(200, "PATCH", workspace, {"default_stream": "billing"})
    await operator.ask(200, "PATCH", workspace, {"owner_email": "new@acme.test", "max_recipients": 7})
    await operator.ask(200, "POST", f"{workspace}/owner-verification")
    first = await operator.ask(201, "POST", f"{workspace}/api-keys", {"name": "f", "scopes": ["keys"]})
    seen = await admin.ask(200, "GET", AUDIT, limit=100)
    await operator.ask(204, "DELETE", workspace)

    by_key = {"kind": "api_key", "id": me, "address": "203.0.113.9"}
    by_operator = {"kind": "operator", "id": None, "address": "2001:db8::1"}
    entries = (await operator.ask(200, "GET", f"{workspace}/audit", limit=100))["data"]
    assert entries[1:] == seen["data"]
    told = [(one["actor"], one["action"], one["object"], one["fields"]) for one in reversed(entries)]
    commands = [one for one in told if one[0]["kind"] == "command"]  # what the fixture made
    assert [one[1] for one in commands] == ["workspace.created", "api_key.created", "domain.created", "sender.created"]

    def of(kind: str, id_: str, version: int) -> dict[str, Any]:
        return {"kind": kind, "id": id_, "version": version}

    assert [one for one in told if one not in commands] == [
        (by_key, "api_key.created", of("api_key", key["id"], 1), ["digest", "name", "prefix", "scopes"]),
        (by_key, "api_key.changed", of("api_key", key["id"], 2), ["allowed_ips", "scopes"]),
        (by_key, "api_key.rotated", of("api_key", key["id"], 3), ["digest", "prefix", "previous_digest",
            "previous_until"]),
        (by_key, "api_key.revoked", of("api_key", key["id"], 4), []),
        (by_key, "smtp_credential.created", of("smtp_credential", credential["id"], 1), ["digest", "name", "user"]),
        (by_key, "smtp_credential.revoked", of("smtp_credential", credential["id"], 2), []),
        (by_key, "workspace.changed", of("workspace", door.workspace.id, 2), ["default_stream"]),
        (by_operator, "workspace.changed", of("workspace", door.workspace.id, 3), ["max_recipients", "owner_email",
            "owner_verified"]),
        (by_operator, "workspace.owner_verified", of("workspace", door.workspace.id, 4), ["owner_verified"]),
        (by_operator, "api_key.created", of("api_key", first["id"], 1), ["digest", "name", "prefix", "scopes"]),
        (by_operator, "workspace.deleted", of("workspace", door.workspace.id, 5), []),
    ]  # fmt: skip
    shown = str(entries) + str(await door.deployment.database("ingest")["audit"].find({}).to_list(None))
    for secret in (key["key"], rotated["key"], credential["password"], "secretive", "192.0.2.7", "new@acme.test"):
        assert secret not in shown
    audit = door.deployment.database("ingest")["audit"]
    assert {entry["expires_at"] - entry["at"] async for entry in audit.find({})} == {timedelta(days=400)}
    expiring = [each["key"] async for each in audit.list_indexes() if each.get("expireAfterSeconds") == 0]
    assert [list(key) for key in expiring] == [["expires_at"]]
    # nothing of it stays behind in what was changed, and nothing of it travels
    for kind in (Kind.API_KEY, Kind.WORKSPACE, Kind.SMTP_CREDENTIAL):
        assert not await door.deployment.database("ingest")[kind].find_one({"audit.0": {"$exists": True}})
    records = await door.deployment.records("config.changes", at_least=10)
    assert not any(b'"audit"' in (record.value or b"") for record in records)


async def test_the_log_is_filtered_and_paged_for_its_own_workspace(door: Door) -> None:
    admin = Asker(door, door.key)
    keys = [
        await admin.ask(201, "POST", "/v1/api-keys", {"name": f"k{number}", "scopes": ["keys", "admin"]})
        for number in range(3)
    ]
    second = Asker(door, keys[1]["key"])
    await second.ask(204, "DELETE", f"/v1/api-keys/{keys[0]['id']}")
    other, other_key = await make_workspace(door.workspaces)

    async def found(**filters: Any) -> list[tuple[str, str]]:
        page = await admin.ask(200, "GET", AUDIT, **filters)
        return [(one["action"], one["object"]["id"]) for one in page["data"]]

    created, revoked = "api_key.created", ("api_key.revoked", keys[0]["id"])
    assert await found(object_id=keys[0]["id"]) == [revoked, (created, keys[0]["id"])]
    assert await found(actor_id=keys[1]["id"]) == [revoked]
    assert (await found(action=created))[:3] == [(created, key["id"]) for key in reversed(keys)]
    assert {action for action, _ in await found(kind="workspace")} == {"workspace.created"}
    hour = timedelta(hours=1)
    assert await found(**{"from": rfc3339(datetime.now(UTC) + hour)}) == []
    assert await found(to=rfc3339(datetime.now(UTC) - hour)) == []
    everything = await found(limit=100, to=rfc3339(datetime.now(UTC) + hour))
    paged: list[tuple[str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await admin.ask(200, "GET", AUDIT, limit=3, **cursor)
        paged += [(one["action"], one["object"]["id"]) for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert paged == everything
    assert other.id not in [id_ for _, id_ in everything]
    theirs = (await Asker(door, other_key).ask(200, "GET", AUDIT))["data"]
    assert [one["action"] for one in theirs] == ["api_key.created", "workspace.created"]

    assert_problem(await admin.reply("GET", AUDIT, action="x", **cursor), 422, "invalid_request", "#/action")
    assert_problem(await admin.reply("GET", AUDIT, kind="domain", **cursor), 422, "invalid_request", "#/cursor")
    assert_problem(await admin.reply("GET", AUDIT, who="me"), 422, "invalid_request", "#/who")
    beyond = {"from": "9999-12-31T23:59:59-12:00", "to": "0001-01-01T00:00:00+12:00"}
    assert_problem(await admin.reply("GET", AUDIT, **beyond), 422, "invalid_request", "#/from", "#/to")
    narrow = await admin.ask(201, "POST", "/v1/api-keys", {"name": "n", "scopes": ["keys"]})
    assert_problem(await Asker(door, narrow["key"]).reply("GET", AUDIT), 403, "missing_scope")


async def test_a_change_whose_process_died_before_the_log_is_told_all_the_same(deployment: Deployment) -> None:
    """The entry is in the changed document; the relay finds it there, once."""
    async with open_door(deployment) as door:
        database, entities = deployment.database("ingest"), door.workspaces._entities
        old = datetime.now(UTC) - timedelta(minutes=1)
        [key] = await entities.find(Kind.API_KEY, {"workspace_id": door.workspace.id})
        for id_ in ("died before", "died after"):
            entry = {"_id": id_, "workspace_id": door.workspace.id, "at": old}
            document = await entities.put(Kind.API_KEY, key.id, key.workspace_id, key.data, audit=entry)
        await database["audit"].insert_one(document["audit"][-1])  # the copy was made, and left in the document
        await deployment.prepare(topics=("mail.accepted.critical", "mail.accepted.standard", "stage.reports"))
        async with create_app(deployment.settings(Settings), {"relay"}).run():

            async def is_swept() -> bool:
                return await database[Kind.API_KEY].find_one({"_id": key.id, "audit": []}) is not None

            await eventually(is_swept)
        told = await AuditLog(database).page(door.workspace.id, {"at": {"$lte": old}}, 10)
        assert [entry["_id"] for entry in told] == ["died before", "died after"]


async def test_a_change_that_was_not_made_is_not_told(door: Door) -> None:
    entities = door.workspaces._entities
    changes = Changes(EntityCache(entities), door.workspaces._changes._publisher, 400)
    [key] = await entities.find(Kind.API_KEY, {"workspace_id": door.workspace.id})
    actor = Actor("operator")
    await changes.write(actor, "changed", Kind.API_KEY, key.id, door.workspace.id, key.data, before=key)
    with pytest.raises(VersionConflictError):
        await changes.write(actor, "changed", Kind.API_KEY, key.id, door.workspace.id, {}, before=key)
    log = await AuditLog(entities.database).page(door.workspace.id, {"action": "api_key.changed"}, 10)
    assert [entry["object"]["version"] for entry in log] == [2]
