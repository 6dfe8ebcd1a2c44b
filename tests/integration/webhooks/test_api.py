"""`/v1/webhooks`."""

import socket
from typing import Any

import pytest

from shared.contracts.entities import EntityChange, Kind
from shared.contracts.topics import CONFIG_CHANGES
from shared.secrets import SecretBox
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import HttpReceiver
from tests.integration.webhooks.world import World, an_event, running_world

URL = "https://hooks.customer.example/in"


def pointers(body: dict[str, Any]) -> set[str]:
    return {error["pointer"] for error in body["errors"]}


async def test_an_endpoint_is_made_shown_listed_changed_and_deleted(world: World) -> None:
    made = await world.add_endpoint(URL, events=["email.bounced", "email.bounced"], description="ours")
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["events"], made["enabled"]) == (URL, ["email.bounced"], True)
    shown = (await world.client.get(f"/v1/webhooks/{made['id']}")).json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}

    other = await world.add_endpoint(URL)
    page = (await world.client.get("/v1/webhooks", params={"limit": 1})).json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([made["id"]], True)
    rest = (await world.client.get("/v1/webhooks", params={"cursor": page["next_cursor"]})).json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([other["id"]], False)

    changed = await world.client.patch(f"/v1/webhooks/{made['id']}", json={"description": "theirs", "enabled": False})
    assert changed.json() == {**shown, "description": "theirs", "enabled": False}
    assert (await world.client.delete(f"/v1/webhooks/{made['id']}")).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        reply = await world.client.request(method, f"/v1/webhooks/{made['id']}", json={})
        assert reply.status_code == 404


async def test_the_secret_is_sealed_at_rest_and_in_the_published_version(world: World) -> None:
    made = await world.add_endpoint(URL, headers={"Authorization": "Bearer their-token"}, query={"key": "their-key"})
    [record] = await world.deployment.records(CONFIG_CHANGES, 1)
    change = EntityChange.decode(record.value)
    assert (change.kind, change.id, change.workspace_id) == (Kind.ENDPOINT, made["id"], world.workspace_id)
    assert made["secret"].removeprefix("whsec_") not in record.value.decode()
    assert b"their-" not in record.value
    box = SecretBox(world.deployment.shared.encryption_key_bytes)
    assert box.open(change.data["secret"], f"endpoint:{made['id']}").decode() == made["secret"]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"#/url"}),
        ({"url": URL, "events": ["email.sent", "email.lost"]}, {"#/events/1"}),
        ({"url": "ftp://x.example/", "events": ["nope"], "color": "red"}, {"#/url", "#/events/0", "#/color"}),
        ({"url": "https://user:pw@x.example/"}, {"#/url"}),
        ({"url": f"https://x.example/{'a' * 2048}"}, {"#/url"}),
        ({"url": URL, "description": "x" * 501}, {"#/description"}),
        ({"url": 5}, {"#/url"}),
        ([], {"#"}),
    ],
)
async def test_a_bad_endpoint_is_refused_with_every_fault_by_field(world: World, body: Any, faults: set[str]) -> None:
    reply = await world.client.post("/v1/webhooks", json=body)
    assert reply.status_code == 422
    assert pointers(reply.json()) == faults
    assert (await world.client.get("/v1/webhooks")).json()["data"] == []


async def test_a_body_without_bounds_is_refused(world: World) -> None:
    reply = await world.client.post("/v1/webhooks", content=b" " * (64 * 1024 + 1))
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


async def test_a_change_is_checked_like_a_new_endpoint(world: World) -> None:
    made = await world.add_endpoint(URL)
    reply = await world.client.patch(f"/v1/webhooks/{made['id']}", json={"url": None, "secret": "mine"})
    assert reply.status_code == 422
    assert pointers(reply.json()) == {"#/url", "#/secret"}


async def test_in_production_urls_must_be_public_https(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = {
        "inside.example": ["10.0.0.1", "::ffff:127.0.0.1"],
        "both.example": ["8.8.8.8", "192.168.0.1"],
        "xn--bcher-kva.example": ["8.8.8.8"],
    }
    real = socket.getaddrinfo

    def lying_dns(name: str, port: int, *rest: object, **named: object) -> list[tuple]:
        if not str(name).endswith(".example"):
            return real(name, port, *rest, **named)
        if name not in addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses[name]]

    monkeypatch.setattr(socket, "getaddrinfo", lying_dns)
    async with running_world(deployment, allow_private_targets=False, profile="production") as world:
        for url in ("http://x.example/", "https://127.0.0.1/", "https://0x7f.1/", "https://localhost/"):
            reply = await world.client.post("/v1/webhooks", json={"url": url})
            assert reply.status_code == 422, url
            assert pointers(reply.json()) == {"#/url"}
        made = await world.add_endpoint("https://bücher.example/")
        assert (made["url"], made["warnings"]) == ("https://xn--bcher-kva.example/", [])
        assert "10.0.0.1" not in (await world.client.post("/v1/webhooks", json={"url": "https://inside.example/"})).text
        for path, url in (("", "https://inside.example/"), (f"/{made['id']}", "https://inside.example/x")):
            reply = await world.client.request("PATCH" if path else "POST", f"/v1/webhooks{path}", json={"url": url})
            assert [error["code"] for error in reply.json()["errors"]] == ["url_private"]
        [partly] = (await world.add_endpoint("https://both.example/"))["warnings"]
        [unknown] = (await world.add_endpoint("https://unknown.example/"))["warnings"]
        assert ("not public" in partly, "does not resolve" in unknown) == (True, True)


async def test_a_key_needs_the_scope_and_finds_only_its_own_workspaces_endpoints(world: World) -> None:
    made = await world.add_endpoint(URL)
    assert (await world.client.get("/v1/webhooks", headers={"authorization": ""})).status_code == 401
    _, unscoped = await world.add_workspace(["email.send"])
    assert (await world.client.get("/v1/webhooks", headers=unscoped)).status_code == 403
    _, foreign = await world.add_workspace(["webhooks"])
    path = f"/v1/webhooks/{made['id']}"
    for method, where in (("GET", path), ("PATCH", path), ("DELETE", path), ("GET", f"{path}/deliveries")):
        reply = await world.client.request(method, where, headers=foreign, json={"enabled": False})
        assert reply.status_code == 404, (method, where)
    assert (await world.client.get("/v1/webhooks", headers=foreign)).json()["data"] == []
    assert (await world.client.get(path)).json()["enabled"] is True


async def test_attempts_are_paged_newest_first_and_bad_filters_refused(world: World, receiver: HttpReceiver) -> None:
    made = await world.add_endpoint(receiver.url("/hook"))
    await world.publish(*(an_event(world.workspace_id) for _ in range(5)))

    async def five() -> list[dict]:
        found = await world.posts(made["id"])
        return found if len(found) == 5 else []

    attempts = await eventually(five)
    path = f"/v1/webhooks/{made['id']}/attempts"
    paged, query = [], {"limit": 2, "state": "succeeded"}
    while True:
        page = (await world.client.get(path, params=query)).json()
        paged += page["data"]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert paged == attempts
    assert [each["id"] for each in paged] == sorted((each["id"] for each in paged), reverse=True)
    for bad in ({"state": "odd"}, {"event": "email.lost"}, {"cursor": "AAAA"}, {"limit": 0}):
        reply = await world.client.get(path, params=bad)
        assert reply.status_code == 422
        assert pointers(reply.json()) == {f"#/{next(iter(bad))}"}
