"""What an endpoint may be set to: by `/v1/webhooks`, and what is refused."""

import base64
from typing import Any

import httpx

from shared.contracts.entities import Kind
from tests.integration.webhooks.world import World

URL = "https://hooks.customer.example/in"
OWN = "whsec_" + base64.b64encode(b"brought along from elsewhere").decode()
GIVEN: dict[str, Any] = {
    "name": "orders",
    "concurrency": 3,
    "rate": 20,
    "timeout_seconds": 7,
    "signature": "leadpush",
    "method": "PUT",
    "headers": {"Authorization": "Bearer abc", "X-Type": "{{type}}"},
    "query": {"to": "{{data.recipient ?? 'nobody'}}"},
    "body": '{"id": "{{data.message_id}}", "n": {{data.attempt ?? 0}}}',
}


async def test_settings_are_shown_as_given_and_otherwise_as_they_are_by_default(world: World) -> None:
    plain = await world.add_endpoint(URL)
    shown = {name: plain[name] for name in (*GIVEN, "public_keys", "previous_secret_until", "warnings")}
    assert shown == {
        "name": "", "concurrency": 10, "rate": 100, "timeout_seconds": 15, "signature": "standard", "method": "POST",
        "headers": {}, "query": {}, "body": None, "public_keys": [], "previous_secret_until": None, "warnings": [],
    }  # fmt: skip
    made = await world.add_endpoint(URL, **GIVEN, secret=OWN)
    expected = {**GIVEN, "headers": {"authorization": "Bearer abc", "x-type": "{{type}}"}}
    assert {name: made[name] for name in GIVEN} == expected
    assert made["secret"] == OWN
    path = f"/v1/webhooks/{made['id']}"
    changes = {"concurrency": None, "body": None, "headers": {}, "name": "renamed"}
    changed = (await world.client.patch(path, json=changes)).json()
    assert {name: changed[name] for name in GIVEN} == {**expected, **changes, "concurrency": 10}
    assert (await world.client.get(path)).json() == changed


def pointers(reply: httpx.Response) -> set[str]:
    return {error["pointer"] for error in reply.json()["errors"]}


REFUSED: list[tuple[dict[str, Any], set[str]]] = [
    (
        {"concurrency": 0, "rate": 1001, "timeout_seconds": 31, "name": "x" * 101, "signature": "none",
         "method": "TRACE"},
        {"#/concurrency", "#/rate", "#/timeout_seconds", "#/name", "#/signature", "#/method"},
    ),
    ({"concurrency": "5", "rate": 1.5, "body": 5, "headers": [], "query": {"a": 1}},
     {"#/concurrency", "#/rate", "#/body", "#/headers", "#/query/a"}),
    ({"secret": "whsec_short"}, {"#/secret"}),
    ({"secret": "x" * 40}, {"#/secret"}),
    ({"signature": "ed25519", "secret": OWN}, {"#/secret"}),
    ({"headers": {"Host": "x", "content-length": "1", "webhook-id": "x", "X-Leadpush-Event": "x"}},
     {"#/headers/host", "#/headers/content-length", "#/headers/webhook-id", "#/headers/x-leadpush-event"}),
    ({"headers": {"X-A": "a\r\nX-B: b", "bad name": "x", "a/b": "y"}},
     {"#/headers/x-a", "#/headers/bad name", "#/headers/a~1b"}),
    ({"headers": {"X-A": "1", "x-a": "2"}}, {"#/headers"}),
    ({"headers": {f"x-{number}": "" for number in range(21)}}, {"#/headers"}),
    ({"query": {f"q{number}": "" for number in range(21)} | {"a b": "", "long": "x" * 1001}},
     {"#/query", "#/query/a b", "#/query/long"}),
    ({"method": "GET", "body": "{}"}, {"#/body"}),
    ({"body": '{"a": "{{data.recipient}}"'}, {"#/body"}),
    ({"body": '"' + "x" * 16384}, {"#/body"}),
    ({"body": '{"a": "{{secret}}"}', "query": {"b": "{{endpoint.secret}}"}}, {"#/body", "#/query/b"}),
    ({"headers": {"content-type": "image/png"}, "body": "x"}, {"#/headers/content-type"}),
    ({"headers": {"content-type": "text/plain"}}, {"#/headers/content-type"}),
    ({"headers": {"content-type": "{{data.tags}}"}, "body": "x"}, {"#/headers/content-type"}),
]  # fmt: skip


async def test_what_makes_no_endpoint_is_told_by_field_and_nothing_kept(world: World) -> None:
    for fields, faults in REFUSED:
        reply = await world.client.post("/v1/webhooks", json={"url": URL, **fields})
        assert (reply.status_code, pointers(reply)) == (422, faults), fields
    assert (await world.client.get("/v1/webhooks")).json()["data"] == []
    path = f"/v1/webhooks/{(await world.add_endpoint(URL))['id']}"
    before = (await world.client.get(path)).json()
    for fields, faults in REFUSED:
        if "secret" not in fields:
            reply = await world.client.patch(path, json=fields)
            assert (reply.status_code, pointers(reply)) == (422, faults), fields
    assert (await world.client.get(path)).json() == before


async def test_a_change_is_checked_together_with_what_stays(world: World) -> None:
    made = await world.add_endpoint(URL, body="{}")
    reply = await world.client.patch(f"/v1/webhooks/{made['id']}", json={"method": "DELETE"})
    assert (reply.status_code, pointers(reply)) == (422, {"#/body"})
    reply = await world.client.patch(f"/v1/webhooks/{made['id']}", json={"method": "DELETE", "body": None})
    assert reply.json()["method"] == "DELETE"


async def test_a_signature_style_is_changed_where_the_secret_fits_it(world: World) -> None:
    made = await world.add_endpoint(URL, signature="sendy", secret="a secret-less text".replace(" ", "-"))
    path = f"/v1/webhooks/{made['id']}"
    assert (await world.client.patch(path, json={"signature": "leadpush"})).json()["signature"] == "leadpush"
    for style in ("standard", "ed25519"):
        reply = await world.client.patch(path, json={"signature": style})
        assert (reply.status_code, pointers(reply)) == (422, {"#/signature"})


async def test_an_ed25519_endpoint_shows_its_public_keys_and_never_a_private_one(world: World) -> None:
    made = await world.add_endpoint(URL, signature="ed25519")
    [first] = made["public_keys"]
    assert (first[:5], made["secret"]) == ("whpk_", None)
    rotated = (await world.client.post(f"/v1/webhooks/{made['id']}/rotate")).json()
    assert (rotated["public_keys"][1:], rotated["secret"]) == ([first], None)
    assert rotated["public_keys"][0] != first
    entity = await world.entities.get(Kind.ENDPOINT, made["id"])
    assert entity is not None
    assert "whsk_" not in str(entity.data)


async def test_a_rotation_is_checked_and_answers_like_a_new_endpoint(world: World) -> None:
    made = await world.add_endpoint(URL)
    path = f"/v1/webhooks/{made['id']}/rotate"
    for body, pointer in (
        ({"overlap_hours": 73}, "#/overlap_hours"),
        ({"overlap_hours": -1}, "#/overlap_hours"),
        ({"secret": "mine"}, "#/secret"),
        ({"other": 1}, "#/other"),
        ([], "#"),
    ):
        reply = await world.client.post(path, json=body)
        assert (reply.status_code, pointers(reply)) == (422, {pointer})
    rotated = (await world.client.post(path, json={"secret": OWN, "overlap_hours": 1})).json()
    assert rotated["secret"] == OWN
    assert rotated["previous_secret_until"] > rotated["created_at"]
    assert (await world.client.post(path.replace(made["id"], "none"))).status_code == 404
