"""`/v1/transports`, `/v1/platform/transports` and `/v1/routes/default` on real servers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.contracts.entities import Kind
from shared.secrets import SecretBox
from tests.fixtures.deployment import eventually
from tests.integration.router.conftest import Router

OPERATOR = {"authorization": "Bearer operator-token-of-a-test"}
SMART_HOST = {"name": "Relay", "kind": "smarthost", "host": "Relay.Example.com", "port": 587, "tls": "verify"}
CREDENTIALS = {"username": "ann", "password": "hunter2-secret"}


async def make(client: httpx.AsyncClient, key: dict[str, str], path: str = "/v1/transports", **fields: Any) -> Any:
    reply = await client.post(path, json={**SMART_HOST, **fields}, headers=key)
    assert reply.status_code == 201, reply.text
    return reply.json()


def faults(reply: httpx.Response) -> dict[str, str]:
    assert reply.status_code == 422, reply.text
    return {fault["pointer"]: fault["code"] for fault in reply.json()["errors"]}


async def test_a_transport_lives_from_post_to_delete(router: Router) -> None:
    key = await router.key()
    async with router.running("http") as client:
        made = await make(client, key)
        path = f"/v1/transports/{made['id']}"
        assert (made["host"], made["shared"], made["version"], made["has_password"]) == (
            "relay.example.com",
            False,
            1,
            False,
        )
        assert (await client.get(path, headers=key)).json() == made
        changed = await client.patch(path, json={"port": 465, "tls": "implicit", "enabled": False}, headers=key)
        assert changed.json() == {**made, "port": 465, "tls": "implicit", "enabled": False, "version": 2}
        assert (await client.delete(path, headers=key)).status_code == 204
        for reply in (
            await client.get(path, headers=key),
            await client.patch(path, json={"port": 25}, headers=key),
            await client.delete(path, headers=key),
        ):
            assert reply.status_code == 404
    kept = await router.entities.get(Kind.TRANSPORT, made["id"])
    assert kept is not None
    assert (kept.version, kept.deleted) == (3, True)


async def test_a_password_is_sealed_for_its_transport_and_never_returned(router: Router) -> None:
    key = await router.key()
    async with router.running("http", "route") as client:
        reply = await client.post("/v1/transports", json={**SMART_HOST, **CREDENTIALS}, headers=key)
        made = reply.json()
        path = f"/v1/transports/{made['id']}"
        replies = [
            reply,
            await client.get(path, headers=key),
            await client.get("/v1/transports", headers=key),
            await client.patch(path, json={"name": "Other"}, headers=key),
        ]
        kept = await router.entities.get(Kind.TRANSPORT, made["id"])
        assert kept is not None
        sealed = kept.data["password"]
        gone = await client.patch(path, json={"username": None, "password": None}, headers=key)
        changes = await router.changes(at_least=4)
    assert made["username"] == "ann"
    assert made["has_password"] is True
    for answer in replies:
        assert CREDENTIALS["password"] not in answer.text
        assert sealed not in answer.text
    box = SecretBox(router.settings.encryption_key_bytes)
    assert box.open(sealed, f"transport:{made['id']}") == CREDENTIALS["password"].encode()
    assert (gone.json()["username"], gone.json()["has_password"]) == (None, False)
    assert not any(CREDENTIALS["password"] in change.encode().decode() for change in changes)


async def test_every_version_goes_out_on_config_changes(router: Router) -> None:
    key = await router.key()
    async with router.running("http", "route") as client:
        made = await make(client, key)
        await client.patch(f"/v1/transports/{made['id']}", json={"weight": 5}, headers=key)
        await client.put("/v1/routes/default", json={"transports": [made["id"], "direct"]}, headers=key)
        await client.put("/v1/routes/default", json={"transports": ["direct"]}, headers=key)
        await client.delete(f"/v1/transports/{made['id']}", headers=key)

        async def all_told() -> bool:
            told = {(change.kind, change.id, change.version, change.deleted) for change in await router.changes()}
            return told >= {
                (Kind.TRANSPORT, "direct", 1, False),
                *((Kind.TRANSPORT, made["id"], version, version == 3) for version in (1, 2, 3)),
                (Kind.ROUTE, "w1", 1, False),
                (Kind.ROUTE, "w1", 2, False),
            }

        await eventually(all_told)
        transports = router.deployment.database("router")[Kind.TRANSPORT]
        assert await transports.count_documents({"_id": made["id"], "unpublished": {"$exists": True}}) == 0


async def test_a_workspace_sees_its_own_and_the_shared_ones_and_changes_its_own(router: Router) -> None:
    mine, theirs = await router.key("w1"), await router.key("w2")
    async with router.running("http") as client:
        own = await make(client, mine)
        shared = await make(client, OPERATOR, "/v1/platform/transports", **CREDENTIALS)
        seen = (await client.get("/v1/transports", headers=mine)).json()["data"]
        assert [each["id"] for each in seen] == [own["id"], shared["id"]]
        assert [each["shared"] for each in seen] == [False, True]
        assert seen[1]["username"] is None
        assert [each["id"] for each in (await client.get("/v1/transports", headers=theirs)).json()["data"]] == [
            shared["id"]
        ]
        for method, body in (("GET", None), ("PATCH", {"port": 1}), ("DELETE", None)):
            foreign = await client.request(method, f"/v1/transports/{own['id']}", json=body, headers=theirs)
            assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
            platform = await client.request(method, f"/v1/platform/transports/{own['id']}", json=body, headers=OPERATOR)
            assert platform.status_code == 404
        for method, body in (("PATCH", {"port": 1}), ("DELETE", None)):
            refused = await client.request(method, f"/v1/transports/{shared['id']}", json=body, headers=mine)
            assert (refused.status_code, refused.json()["code"]) == (403, "shared_transport")
        changed = await client.patch(f"/v1/platform/transports/{shared['id']}", json={"port": 2525}, headers=OPERATOR)
        assert (changed.json()["port"], changed.json()["username"]) == (2525, "ann")
        routed = await client.put("/v1/routes/default", json={"transports": [own["id"]]}, headers=theirs)
        assert faults(routed) == {"#/transports/0": "unknown_transport"}


async def test_who_may_ask(router: Router) -> None:
    other = await router.key("w1", "email.send")
    key = await router.key("w1")
    async with router.running("http") as client:
        for path in ("/v1/transports", "/v1/routes/default"):
            assert (await client.get(path)).status_code == 401
            assert (await client.get(path, headers=other)).json()["code"] == "missing_scope"
        assert (await client.post("/v1/transports", content=b"{", headers=other)).status_code == 403
        for headers in ({}, key):
            assert (await client.get("/v1/platform/transports", headers=headers)).status_code == 401
            assert (await client.post("/v1/platform/transports", json=SMART_HOST, headers=headers)).status_code == 401


async def test_what_the_default_route_names_stays(router: Router) -> None:
    key, other = await router.key("w1"), await router.key("w2")
    async with router.running("http") as client:
        own = await make(client, key)
        shared = await make(client, OPERATOR, "/v1/platform/transports")
        route = {"transports": [own["id"], shared["id"]]}
        assert (await client.put("/v1/routes/default", json=route, headers=key)).json() == {
            "id": "default",
            **route,
            "version": 1,
        }
        assert (await client.get("/v1/routes/default", headers=key)).json()["transports"] == route["transports"]
        assert (await client.get("/v1/routes/default", headers=other)).json() == {
            "id": "default",
            "transports": ["direct"],
            "version": 0,
        }
        for path, headers in (
            (f"/v1/transports/{own['id']}", key),
            (f"/v1/platform/transports/{shared['id']}", OPERATOR),
        ):
            refused = await client.delete(path, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (409, "transport_in_use")
        await client.put("/v1/routes/default", json={"transports": [shared["id"]]}, headers=key)
        assert (await client.delete(f"/v1/transports/{own['id']}", headers=key)).status_code == 204


async def test_the_platforms_direct_transport_is_there_from_the_start_and_stays(router: Router) -> None:
    path = "/v1/platform/transports/direct"
    for _ in range(2):
        async with router.running("http", "route") as client:

            async def there(client: httpx.AsyncClient = client) -> bool:
                return (await client.get(path, headers=OPERATOR)).status_code == 200

            await eventually(there)
            refused = await client.delete(path, headers=OPERATOR)
            assert (refused.status_code, refused.json()["code"]) == (409, "transport_built_in")
            shown = (await client.get(path, headers=OPERATOR)).json()
    assert (shown["kind"], shown["version"], shown["tls"]) == ("direct", 1, "opportunistic")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"#/name": "missing", "#/kind": "missing"}),
        ({**SMART_HOST, "kind": "pigeon", "port": 0, "tls": "maybe"}, {"#/kind", "#/port", "#/tls"}),
        ({**SMART_HOST, "colour": "red"}, {"#/colour": "extra_forbidden"}),
        ({**SMART_HOST, "host": None}, {"#/host": "required"}),
        ({**SMART_HOST, "host": "a host"}, {"#/host": "value_error"}),
        ({**SMART_HOST, "host": "127.1"}, {"#/host": "value_error"}),
        ({**SMART_HOST, "host": "0x7f000001"}, {"#/host": "value_error"}),
        ({**SMART_HOST, "host": "127.0.0.1"}, {"#/host": "private_address"}),
        ({**SMART_HOST, "host": "[::ffff:10.0.0.1]"}, {"#/host": "private_address"}),
        ({**SMART_HOST, "name": "a\r\nb", "username": "x\0"}, {"#/name", "#/username"}),
        ({**SMART_HOST, "host": "10.0.0.1", "username": "x"}, {"#/host", "#/password"}),
        ({**SMART_HOST, "password": "x"}, {"#/username": "required"}),
        (
            {"name": "D", "kind": "direct", "host": "a.example", "port": 587, "tls": "implicit"},
            {"#/host", "#/port", "#/tls"},
        ),
    ],
)
async def test_every_fault_of_a_transport_is_named_by_its_field(router: Router, body: Any, expected: Any) -> None:
    key = await router.key()
    async with router.running("http") as client:
        found = faults(await client.post("/v1/transports", json=body, headers=key))
        assert (found if isinstance(expected, dict) else set(found)) == expected
        assert (await client.get("/v1/transports", headers=key)).json()["data"] == []


async def test_a_change_is_checked_with_what_it_leaves(router: Router) -> None:
    key = await router.key()
    async with router.running("http") as client:
        made = await make(client, key, **CREDENTIALS)
        path = f"/v1/transports/{made['id']}"
        for body, expected in (
            ({"username": None}, {"#/username": "required"}),
            ({"password": None}, {"#/password": "required"}),
            ({"host": "169.254.169.254"}, {"#/host": "private_address"}),
            ({"host": None}, {"#/host": "string_type"}),
            ({"kind": "direct"}, {"#/kind": "extra_forbidden"}),
        ):
            assert faults(await client.patch(path, json=body, headers=key)) == expected
        assert (await client.get(path, headers=key)).json() == made


async def test_a_private_smart_host_where_the_settings_allow_it(router: Router) -> None:
    key = await router.key()
    async with router.running("http", allow_private_targets=True) as client:
        made = await make(client, key, host="[::1]")
    assert made["host"] == "::1"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"transports": []}, {"#/transports": "too_short"}),
        ({"transports": ["direct", "nobody", "nothing"]}, {f"#/transports/{at}": "unknown_transport" for at in (1, 2)}),
        ({"transports": ["direct", "direct"]}, {"#/transports/1": "repeated"}),
        ({"transports": [1], "x": 1}, {"#/transports/0": "string_type", "#/x": "extra_forbidden"}),
    ],
)
async def test_every_fault_of_a_route_is_named(router: Router, body: Any, expected: dict[str, str]) -> None:
    key = await router.key()
    async with router.running("http", "route") as client:

        async def there() -> bool:
            return bool((await client.get("/v1/transports", headers=key)).json()["data"])

        await eventually(there)
        assert faults(await client.put("/v1/routes/default", json=body, headers=key)) == expected
        assert (await client.get("/v1/routes/default", headers=key)).json()["version"] == 0


async def test_a_long_list_comes_in_pages(router: Router) -> None:
    key, other = await router.key("w1"), await router.key("w2")
    async with router.running("http") as client:
        made = [(await make(client, key))["id"] for _ in range(5)]
        seen, cursor = [], None
        while cursor or not seen:
            query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await client.get("/v1/transports", params=query, headers=key)).json()
            seen.append([each["id"] for each in page["data"]])
            cursor = page["next_cursor"]
            assert page["has_more"] == (cursor is not None)
        assert seen == [made[:2], made[2:4], made[4:]]
        first = (await client.get("/v1/transports", params={"limit": 2}, headers=key)).json()["next_cursor"]
        foreign = await client.get("/v1/transports", params={"cursor": first}, headers=other)
        assert faults(foreign) == {"#/cursor": "invalid_cursor"}
