"""Templates over HTTP and on the sending path: versions that never change, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.ingest.accounts.changes import COMMAND, Author
from services.ingest.store.templates import TemplateStore
from services.ingest.templates.templates import MOST_TEMPLATES, Templates
from shared.mongo.entities import Entities
from shared.mongo.entity_cache import EntityCache
from shared.tokens import uuid7
from tests.fixtures.deployment import eventually
from tests.integration.ingest.conftest import Door, make_workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

WELCOME = {"name": "Welcome", "subject": "Hi {{name ?? 'you'}}", "html": "<b>{{code}}</b>", "text": "{{code}}"}
LARGE = 256 * 1024


async def ask(door: Door, method: str, path: str = "", body: Any = None, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {door.key if key is None else key}"}
    return await door.http.request(method, f"/v1/templates{path}", headers=headers, json=body)


async def create(door: Door, **changes: Any) -> dict[str, Any]:
    reply = await ask(door, "POST", "", {**WELCOME, **changes})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


def faults(reply: httpx.Response) -> dict[str, str]:
    assert reply.status_code == 422, reply.text
    return {fault["pointer"]: fault["code"] for fault in reply.json()["errors"]}


async def test_a_template_is_created_read_and_changed(tenant: Door) -> None:
    made = await create(tenant)
    assert made == {
        **WELCOME, "id": made["id"], "version": 1, "type": "transactional", "from": None, "from_name": None,
        "reply_to": None, "created_at": made["created_at"], "changed_at": made["created_at"],
    }  # fmt: skip
    assert (await ask(tenant, "GET", f"/{made['id'].upper()}")).json() == made
    changes = {"type": "marketing", "text": None, "from": "Acme <news@acme.test>", "reply_to": "help@acme.test"}
    changed = await ask(tenant, "PATCH", f"/{made['id']}", changes)
    assert changed.status_code == 200, changed.text
    assert changed.json() == {**made, **changes, "version": 2, "changed_at": changed.json()["changed_at"]}
    assert changed.json()["changed_at"] >= made["changed_at"]
    same = await ask(tenant, "PATCH", f"/{made['id']}", {"type": "marketing", "from_name": None})
    assert same.json() == changed.json()


async def test_versions_stay_as_they_were(tenant: Door) -> None:
    versions = [await create(tenant)]
    path = f"/{versions[0]['id']}"
    for number in range(4):
        versions.append((await ask(tenant, "PATCH", path, {"subject": f"S{number}", "html": f"<p>{number}"})).json())
    for version in versions:
        assert (await ask(tenant, "GET", f"{path}/versions/{version['version']}")).json() == version
    for missing in ("0", "6", "-1", str(2**70)):
        assert (await ask(tenant, "GET", f"{path}/versions/{missing}")).status_code == 404
    assert faults(await ask(tenant, "GET", f"{path}/versions/x")) == {"#/version": "int_parsing"}
    without = [{name: value for name, value in one.items() if name not in ("html", "text")} for one in versions]
    assert await walked(tenant, f"{path}/versions", 2) == without[::-1]


async def walked(door: Door, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    """Every entry of a list, page by page."""
    found: list[dict[str, Any]] = []
    params = httpx.QueryParams({**query, "limit": limit})
    while True:
        page = (await ask(door, "GET", f"{path}?{params}")).json()
        assert len(page["data"]) <= limit
        found += page["data"]
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            return found
        params = params.set("cursor", page["next_cursor"])


async def test_templates_are_listed_newest_first(tenant: Door) -> None:
    made = [await create(tenant, name=f"T{number}", type=("headless", "marketing")[number % 2]) for number in range(5)]
    listed = await walked(tenant, "", 2)
    assert [one["id"] for one in listed] == [one["id"] for one in made[::-1]]
    assert all("html" not in one and "text" not in one for one in listed)
    assert [one["name"] for one in await walked(tenant, "", 1, type="marketing")] == ["T3", "T1"]
    cursor = (await ask(tenant, "GET", "?limit=2")).json()["next_cursor"]
    _, key = await make_workspace(tenant.workspaces, features=["templates.enabled"])
    for path, other in ((f"?cursor={cursor}", key), (f"?cursor={cursor}&type=headless", None), ("?cursor=x", None)):
        assert faults(await ask(tenant, "GET", path, None, other)) == {"#/cursor": "invalid_cursor"}
    assert faults(await ask(tenant, "GET", "?limit=0&page=1&type=x")) == {
        "#/limit": "greater_than_equal", "#/page": "extra_forbidden", "#/type": "literal_error",
    }  # fmt: skip


async def test_every_fault_is_told_and_nothing_is_stored(tenant: Door) -> None:
    for body, told in (
        ({}, {"#/name": "required", "#/subject": "required", "#/html": "required", "#/text": "required"}),
        ({**WELCOME, "html": None, "text": ""}, {"#/html": "required", "#/text": "required"}),
        ({"name": "n" * 201, "subject": "a\r\nBcc: x@y.test", "html": 5, "type": "other", "from": "nobody",
          "reply_to": "@", "from_name": "a\nb", "body": "x", "text": "x" * (LARGE + 1)},
         {"#/name": "too_long", "#/subject": "line_break", "#/html": "wrong_type", "#/type": "invalid_choice",
          "#/from": "invalid_address", "#/reply_to": "invalid_address", "#/from_name": "line_break",
          "#/body": "unknown_field", "#/text": "too_large"}),
        ({**WELCOME, "name": " ", "subject": "s" * 999}, {"#/name": "required", "#/subject": "too_long"}),
    ):  # fmt: skip
        assert faults(await ask(tenant, "POST", "", body)) == told
    large = await ask(tenant, "POST", "", {**WELCOME, "html": "ü" * (LARGE // 2) + "x"})
    assert (large.status_code, large.json()["errors"][0]["pointer"]) == (413, "#/html")
    assert (await ask(tenant, "POST", "", {**WELCOME, "html": "x" * 5_000_000})).status_code == 413
    assert await walked(tenant, "", 10) == []
    whole = await create(tenant, html="\n" * LARGE, text="ü" * (LARGE // 2))
    path = f"/{whole['id']}"
    assert faults(await ask(tenant, "PATCH", path, {"html": None, "text": None})) == {
        "#/html": "required", "#/text": "required",
    }  # fmt: skip
    assert faults(await ask(tenant, "PATCH", path, {"name": None, "subject": ""})) == {
        "#/name": "wrong_type", "#/subject": "required",
    }  # fmt: skip
    assert (await ask(tenant, "GET", path)).json() == whole


async def test_a_preview_renders_and_names_what_is_missing(tenant: Door) -> None:
    made = await create(tenant)
    path = f"/{made['id']}"
    assert (await ask(tenant, "POST", f"{path}/preview", {"data": {"name": "A&B", "code": "<1>"}})).json() == {
        "version": 1, "subject": "Hi A&B", "html": "<b>&lt;1&gt;</b>", "text": "<1>", "missing": [],
    }  # fmt: skip
    await ask(tenant, "PATCH", path, {"html": "{{city}} {{code}}", "text": None})
    assert (await ask(tenant, "POST", f"{path}/preview", {})).json() == {
        "version": 2, "subject": "Hi you", "html": " ", "text": None, "missing": ["city", "code"],
    }  # fmt: skip
    assert (await ask(tenant, "POST", f"{path}/preview", {"version": 1, "data": {"code": 7}})).json()["text"] == "7"
    assert (await ask(tenant, "POST", f"{path}/preview", {"version": 3})).status_code == 404
    for body, told in (
        ({"data": {"name": "a\nb"}}, {"#/data": "line_break"}),
        ({"data": []}, {"#/data": "wrong_type"}),
        ({"data": {}, "version": "1", "to": "x"}, {"#/version": "wrong_type", "#/to": "unknown_field"}),
    ):
        assert faults(await ask(tenant, "POST", f"{path}/preview", body)) == told
    await ask(tenant, "PATCH", path, {"html": "{{x}}" * 100})
    flood = await ask(tenant, "POST", f"{path}/preview", {"data": {"x": "y" * 100_000}})
    assert (flood.status_code, flood.json()["errors"][0]["pointer"]) == (413, "#/data")


async def test_the_gates_stand_in_their_order(tenant: Door) -> None:
    made = await create(tenant)
    _, lacking = await make_workspace(tenant.workspaces, features=["smtp.enabled"])
    poor = await tenant.workspaces.create_api_key(tenant.workspace.id, "poor", ["contacts"])
    _, foreign = await make_workspace(tenant.workspaces, features=["templates.enabled"])
    one = f"/{made['id']}"
    routes = [
        ("GET", ""), ("POST", ""), ("GET", one), ("PATCH", one), ("DELETE", one), ("GET", f"{one}/versions"),
        ("GET", f"{one}/versions/1"), ("POST", f"{one}/preview"),
    ]  # fmt: skip
    for method, path in routes:
        body = {"wrong": 1} if method in ("POST", "PATCH") else None
        assert (await ask(tenant, method, path, body, "nobody")).status_code == 401
        assert (await ask(tenant, method, path, body, poor.secret)).json()["required_scope"] == "templates"
        refused = await ask(tenant, method, path, body, lacking)
        assert (refused.status_code, refused.json()["error"], refused.json()["feature"]) == (
            403, "upgrade_needed", "templates.enabled",
        )  # fmt: skip
        if path:
            hidden = await ask(tenant, method, path, body, foreign)
            assert (hidden.status_code, hidden.json()["detail"]) == (404, "No such template."), path
    assert (await ask(tenant, "GET", one)).json() == made


async def test_a_deleted_template_is_gone_with_its_versions(tenant: Door) -> None:
    made = await create(tenant)
    one = f"/{made['id']}"
    await ask(tenant, "PATCH", one, {"name": "New"})
    assert (await ask(tenant, "DELETE", one)).status_code == 204
    for method, path in (("GET", one), ("DELETE", one), ("PATCH", one), ("GET", f"{one}/versions/1")):
        assert (await ask(tenant, method, path, {} if method == "PATCH" else None)).status_code == 404
    assert await walked(tenant, "", 10) == []
    database = tenant.deployment.database("ingest")
    assert await database["template_versions"].count_documents({"template_id": made["id"]}) == 0
    assert (await database["templates"].find_one({"_id": made["id"]}))["data"] == {}


async def test_changes_at_the_same_time_are_all_kept(tenant: Door) -> None:
    made = await create(tenant)
    fields = {"name": "N", "subject": "S", "html": "H", "text": "T", "from_name": "F"}
    replies = await asyncio.gather(
        *(ask(tenant, "PATCH", f"/{made['id']}", {name: value}) for name, value in fields.items())
    )
    taken = [reply for reply in replies if reply.status_code == 200]
    assert {reply.status_code for reply in replies} <= {200, 409}
    versions = {reply.json()["version"]: reply.json() for reply in taken}
    assert sorted(versions) == list(range(2, len(taken) + 2))
    for number, version in versions.items():
        assert (await ask(tenant, "GET", f"/{made['id']}/versions/{number}")).json() == version


async def test_a_workspace_has_so_many_templates_and_no_more(tenant: Door) -> None:
    first = await create(tenant)
    templates = tenant.deployment.database("ingest")["templates"]
    document = await templates.find_one({"_id": first["id"]})
    await templates.insert_many([{**document, "_id": uuid7()} for _ in range(MOST_TEMPLATES - 1)])
    assert faults(await ask(tenant, "POST", "", WELCOME)) == {"#": "too_many"}
    await ask(tenant, "DELETE", f"/{first['id']}")
    await create(tenant)


@asynccontextmanager
async def sending(door: Door) -> AsyncIterator[Templates]:
    """Templates as another process remembers them."""
    database = door.deployment.database("ingest")
    cache, stopping = EntityCache(Entities(database)), asyncio.Event()
    watching = asyncio.create_task(cache.watch(stopping))
    try:
        yield Templates(cache, TemplateStore(database))
    finally:
        stopping.set()
        await watching


async def test_the_sending_path_has_the_newest_version_and_those_it_names(tenant: Door) -> None:
    made = await create(tenant)
    workspace, one = tenant.workspace.id, made["id"]
    async with sending(tenant) as templates:
        author = Author(tenant.workspaces._changes, COMMAND)

        async def remembered() -> bool:
            first = await templates.get(workspace, one)
            assert first is not None
            assert first.shown() == made
            database = tenant.deployment.database("ingest")
            await database.command("profile", 0)
            await database["system.profile"].drop()
            await database.command("profile", 2)
            again = await templates.get(workspace, one)
            await database.command("profile", 0)
            names = [f"{database.name}.templates", f"{database.name}.template_versions"]
            return again == first and not await database["system.profile"].count_documents({"ns": {"$in": names}})

        await eventually(remembered)
        changed = (await ask(tenant, "PATCH", f"/{one}", {"subject": "New"})).json()
        second = await templates.get(workspace, one, 2)
        assert second is not None
        assert second.shown() == changed

        async def newest() -> bool:
            found = await templates.get(workspace, one)
            return found is not None and found.version == 2

        await eventually(newest, seconds=5)
        own = await templates.change(author, workspace, one, lambda before: {**before, "name": "Own"})
        assert own is not None
        assert await templates.get(workspace, one) == own
        for _ in range(2):
            first = await templates.get(workspace, one, 1)
            assert first is not None
            assert first.shown() == made
        assert await templates.get(workspace, one, 4) is None
        assert await templates.get(workspace, one, 0) is None
        assert await templates.get(uuid7(), one) is None
        assert await templates.get(uuid7(), one, 1) is None
        assert await templates.get(workspace, uuid7()) is None
        await ask(tenant, "DELETE", f"/{one}")

        async def gone() -> bool:
            return [await templates.get(workspace, one), await templates.get(workspace, one, 1)] == [None, None]

        await eventually(gone, seconds=5)
