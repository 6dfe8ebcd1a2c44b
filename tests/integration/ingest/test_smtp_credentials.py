"""`/v1/smtp-credentials`, and who gets through AUTH with what."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.accounts.smtp_login import SmtpLogin
from services.ingest.accounts.uses import Uses
from services.ingest.settings import Settings
from services.ingest.store.uses import LastUses
from shared.auth import Authenticator
from shared.contracts.entities import Kind
from shared.mongo.entities import Entities
from shared.mongo.entity_cache import EntityCache
from tests.integration.ingest.conftest import Door, make_workspace
from tests.integration.ingest.documented import OPERATOR, Asker
from tests.integration.ingest.test_bad_input import assert_problem

CREDENTIALS = "/v1/smtp-credentials"


@pytest.fixture
def login(door: Door) -> SmtpLogin:
    """As another process has it: it remembers nothing, and reads what was written."""
    settings = door.deployment.settings(Settings)
    database = door.deployment.database("ingest")
    cache = EntityCache(Entities(database))
    return SmtpLogin(cache, Authenticator(cache, settings), Uses(LastUses(database)), settings.pepper_bytes)


async def test_a_credential_is_made_listed_and_revoked(door: Door, login: SmtpLogin) -> None:
    admin = Asker(door, door.key)
    made = [await admin.ask(201, "POST", CREDENTIALS, {"name": f"printer {number}"}) for number in range(3)]
    assert len({one["user"] for one in made} | {one["password"] for one in made}) == 6
    shown = [{name: value for name, value in one.items() if name != "password"} for one in made]
    assert (await admin.ask(200, "GET", CREDENTIALS))["data"] == shown
    assert (await admin.ask(200, "GET", CREDENTIALS, limit=2))["has_more"]
    assert await admin.ask(200, "GET", f"{CREDENTIALS}/{made[1]['id']}") == shown[1]
    stored = await door.deployment.database("ingest")[Kind.SMTP_CREDENTIAL].find({}).to_list(None)
    assert not any(one["password"] in str(stored) for one in made)
    assert not any("unpublished" in document for document in stored)  # nobody else hears of it

    other = Asker(door, (await make_workspace(door.workspaces))[1])
    assert (await other.ask(200, "GET", CREDENTIALS))["data"] == []
    for method in ("GET", "DELETE"):
        assert_problem(await other.reply(method, f"{CREDENTIALS}/{made[0]['id']}"), 404, "not_found")
    reply = await admin.reply("POST", CREDENTIALS, {"user": "me", "password": "secret"})
    assert_problem(reply, 422, "invalid_request", "#/name", "#/user", "#/password")

    assert await login.authenticate(made[0]["user"], made[0]["password"]) is not None
    await admin.ask(204, "DELETE", f"{CREDENTIALS}/{made[0]['id']}")
    await admin.ask(404, "GET", f"{CREDENTIALS}/{made[0]['id']}")
    assert await login.authenticate(made[0]["user"], made[0]["password"]) is None
    assert await login.authenticate(made[1]["user"], made[1]["password"]) is not None


async def test_a_credential_logs_in_as_a_key_that_may_only_send(door: Door, login: SmtpLogin) -> None:
    made = await Asker(door, door.key).ask(201, "POST", CREDENTIALS, {"name": "printer"})
    principal = await login.authenticate(made["user"].upper(), made["password"])
    assert principal is not None
    assert (principal.key_id, principal.workspace_id) == (made["id"], door.workspace.id)
    assert principal.key.scopes == ["email.send"]
    assert principal.workspace.features == ["smtp.enabled"]
    assert await login.renew(principal) == principal
    await login._uses.flush()
    shown = await Asker(door, door.key).ask(200, "GET", f"{CREDENTIALS}/{made['id']}")
    assert shown["last_used_at"] is not None
    for user, password in (
        (made["user"], made["password"][:-1]),
        (made["user"], ""),
        ("nobody", made["password"]),
        ("", ""),
        ("ü", "\udcff"),
        (made["password"], made["user"]),
    ):
        assert await login.authenticate(user, password) is None


async def test_any_user_name_with_a_key_that_may_send(door: Door, login: SmtpLogin) -> None:
    admin = Asker(door, door.key)

    async def made(**fields: Any) -> Any:
        return await admin.ask(201, "POST", "/v1/api-keys", {"name": "k", "scopes": ["email.send"], **fields})

    sending = await made()
    principal = await login.authenticate("whoever", sending["key"])
    assert principal is not None
    assert principal.key_id == sending["id"]
    reading = await made(scopes=["email.history"])
    assert await login.authenticate("whoever", reading["key"]) is None
    bound = await made(allowed_ips=["192.0.2.0/24"])
    assert await login.authenticate("whoever", bound["key"], "192.0.2.7") is not None
    assert await login.authenticate("whoever", bound["key"], "::ffff:192.0.2.7") is not None
    for address in ("192.0.3.7", None, "nowhere"):
        assert await login.authenticate("whoever", bound["key"], address) is None
    assert await login.renew(principal) is not None
    await admin.ask(200, "PATCH", f"/v1/api-keys/{sending['id']}", {"scopes": ["email.history"]})
    assert await login.renew(principal) is None


async def test_what_ends_a_workspace_ends_its_logins_and_sessions(door: Door, login: SmtpLogin) -> None:
    admin = Asker(door, door.key)
    credential = await admin.ask(201, "POST", CREDENTIALS, {"name": "printer"})
    revoked = await admin.ask(201, "POST", CREDENTIALS, {"name": "old printer"})
    by_credential = await login.authenticate(credential["user"], credential["password"])
    by_revoked = await login.authenticate(revoked["user"], revoked["password"])
    by_key = await login.authenticate("x", door.key)
    assert by_credential is not None
    assert by_revoked is not None
    assert by_key is not None
    await admin.ask(204, "DELETE", f"{CREDENTIALS}/{revoked['id']}")
    assert await login.renew(by_revoked) is None
    assert await login.renew(by_credential) is not None
    await Asker(door, OPERATOR).ask(204, "DELETE", f"/v1/workspaces/{door.workspace.id}")
    assert [await login.renew(each) for each in (by_credential, by_key)] == [None, None]
    assert await login.authenticate(credential["user"], credential["password"]) is None
    assert await login.authenticate("x", door.key) is None


async def test_an_unknown_user_and_a_wrong_password_cost_the_same(door: Door, login: SmtpLogin) -> None:
    """The same one look-up, found or not; what differs in time is the network's."""
    made = await Asker(door, door.key).ask(201, "POST", CREDENTIALS, {"name": "printer"})
    database = door.deployment.database("ingest")

    async def look_ups(user: str, password: str) -> list[Any]:
        await database["system.profile"].drop()
        await database.command("profile", 2)
        assert await login.authenticate(user, password) is None
        await database.command("profile", 0)
        seen = database["system.profile"].find({"op": "query", "ns": {"$not": {"$regex": "entity_changes"}}})
        return [(entry["ns"], entry["planSummary"], entry["docsExamined"]) async for entry in seen]

    wrong = await look_ups(made["user"], made["password"][:-1])
    assert wrong == await look_ups("nobody", made["password"])
    assert wrong == [(database[Kind.SMTP_CREDENTIAL].full_name, "IXSCAN { data.digest: 1 }", 0)]
