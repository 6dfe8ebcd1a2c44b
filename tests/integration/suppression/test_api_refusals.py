"""What the suppression API refuses, and what it does while Kafka or MongoDB is away."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.contracts.entities import ApiKey, EntityChange, Kind, Workspace
from shared.contracts.topics import CONFIG_CHANGES
from shared.secrets import api_key_digest
from shared.tokens import new_api_key
from tests.fixtures.deployment import eventually
from tests.integration.suppression.conftest import URL, Suppressing, post


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["#/email"]),
        ({"email": "nobody"}, ["#/email"]),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, ["#/email"]),
        ({"email": 7, "type": "other", "reason": ""}, ["#/email", "#/reason", "#/type"]),
        ({"email": "a@b.example", "expires": "never", "Type": "manual"}, ["#/Type", "#/expires"]),
        ({"email": "a@b.example", "reason": "x" * 501}, ["#/reason"]),
        ([], ["#"]),
    ],
)
async def test_faults_are_named_by_field_and_nothing_is_stored(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str], body: Any, pointers: list[str]
) -> None:
    refused = await http.post(URL, json=body, headers=ours)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert sorted(fault["pointer"] for fault in refused.json()["errors"]) == pointers
    assert await answering.deployment.database("suppression")["suppressions"].count_documents({}) == 0


async def test_broken_bodies(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    json_type = {**ours, "content-type": "application/json"}
    assert (await http.post(URL, content=b"{", headers=json_type)).status_code == 422
    large = b'{"email": "' + b"x" * 70_000 + b'"}'
    assert (await http.post(URL, content=large, headers=json_type)).status_code == 413
    form = {**ours, "content-type": "application/x-www-form-urlencoded"}
    assert (await http.post(URL, content=b"email=a@b.example", headers=form)).status_code == 415
    assert (await http.put(URL, json={}, headers=ours)).status_code == 405


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"type": "manual"}, "#/type"),
        ({"limit": "5"}, "#/limit"),
        ({"cursor": "made-up"}, "#/cursor"),
        ({"page": "0"}, "#/page"),
        ({"page": "100001"}, "#/page"),
        ({"per_page": "101"}, "#/per_page"),
        ({"search": "a\x00b"}, "#/search"),
        ({"search": ""}, "#/search"),
        ({"filters": "{"}, "#/filters"),
        ({"filters": '{"id": "type", "value": "manual"}'}, "#/filters"),
        ({"filters": '[{"id": "email", "value": "a@b.example"}]'}, "#/filters"),
        ({"filters": '[{"id": "type", "value": "other"}]'}, "#/filters"),
        ({"filters": '[{"id": "type", "value": [true]}]'}, "#/filters"),
    ],
)
async def test_faults_of_a_list(
    http: httpx.AsyncClient, ours: dict[str, str], params: dict[str, str], pointer: str
) -> None:
    refused = await http.get(URL, params=params, headers=ours)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]


async def test_gates_in_their_order(answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    unscoped = await answering.key("w1", "email.send")
    for method, url in (("GET", URL), ("POST", URL), ("GET", f"{URL}/x"), ("DELETE", f"{URL}/x")):
        assert (await http.request(method, url, content=b"{")).status_code == 401
        unknown = {"authorization": f"Bearer {new_api_key()}"}
        assert (await http.request(method, url, content=b"{", headers=unknown)).status_code == 401
        refused = await http.request(method, url, content=b"{", headers=unscoped)
        assert (refused.status_code, refused.json()["required_scope"]) == (403, "suppressions")


async def test_a_change_stays_for_the_sweep_while_kafka_is_away(answering: Suppressing) -> None:
    key = await answering.key("w1", "suppressions")
    async with answering.running("http", kafka_bootstrap="127.0.0.1:1") as http:
        assert (await post(http, key, email="a@b.example")).status_code == 201
    collection = answering.deployment.database("suppression")["suppressions"]
    assert await collection.count_documents({"unpublished": {"$exists": True}}) == 1


async def test_the_database_away_is_503(answering: Suppressing) -> None:
    key = {"authorization": f"Bearer {new_api_key()}"}
    async with answering.running("http", mongo_url="mongodb://127.0.0.1:1/?directConnection=true") as http:
        refused = await http.get(URL, headers=key)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")


async def test_keys_come_from_the_configuration_topic(suppressing: Suppressing) -> None:
    """The check role keeps the copy that the doors read; a revoked key stops working."""
    key = new_api_key()
    now = datetime.now(UTC)
    digest = api_key_digest(suppressing.settings.pepper_bytes, key)
    api_key = ApiKey(name="k", digest=digest, prefix=key[:12], scopes=["suppressions"])
    workspace = Workspace(name="W", owner_email="o@w.example")

    def version(kind: Kind, id_: str, data: Any, number: int, deleted: bool = False) -> tuple[str, bytes, dict]:
        change = EntityChange(
            kind=kind, id=id_, workspace_id="w9", version=number, deleted=deleted, changed_at=now,
            data=data.model_dump(mode="json"),
        )  # fmt: skip
        return change.key, change.encode(), {}

    async with suppressing.running("check", "http") as http:

        async def answers(status: int) -> bool:
            reply = await http.get(URL, headers={"authorization": f"Bearer {key}"})
            return reply.status_code == status

        first = [version(Kind.WORKSPACE, "w9", workspace, 1), version(Kind.API_KEY, "k9", api_key, 1)]
        await suppressing.deployment.publish(CONFIG_CHANGES, first)
        await eventually(lambda: answers(200), what="the key is known")
        await suppressing.deployment.publish(CONFIG_CHANGES, [version(Kind.API_KEY, "k9", api_key, 2, True)])
        await eventually(lambda: answers(401), what="the key is revoked")
