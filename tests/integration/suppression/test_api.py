"""`/v1/suppressions` and `/v1/platform/suppressions`."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.suppression.rules import NEVER, Lesson, Place, Reason
from shared.contracts.entities import ApiKey, EntityChange, Kind, Workspace
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import CONFIG_CHANGES, SUPPRESSION_CHANGES, Lane, routed
from shared.secrets import api_key_digest
from shared.tokens import new_api_key
from tests.fixtures.deployment import eventually
from tests.integration.suppression.conftest import OPERATOR, Suppressing, a_message

URL = "/v1/suppressions"
PLATFORM = {"authorization": f"Bearer {OPERATOR}"}


@pytest.fixture
async def http(answering: Suppressing) -> AsyncIterator[httpx.AsyncClient]:
    async with answering.running("http") as client:
        yield client


@pytest.fixture
async def ours(answering: Suppressing) -> dict[str, str]:
    return await answering.key("w1", "suppressions")


@pytest.fixture
async def theirs(answering: Suppressing) -> dict[str, str]:
    return await answering.key("w2", "suppressions", "admin")


async def post(http: httpx.AsyncClient, key: dict[str, str], **body: Any) -> httpx.Response:
    return await http.post(URL, json=body, headers=key)


async def changes(answering: Suppressing, at_least: int) -> list[tuple[str, str]]:
    records = await answering.deployment.records(SUPPRESSION_CHANGES, at_least)
    found = [SuppressionChange.decode(record.value) for record in records]
    return [(change.change, change.reason) for change in found]


async def test_an_entry_is_added_shown_and_removed(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    added = await post(http, ours, email="Ann@B.example", reason="asked by phone")
    assert added.status_code == 201
    entry = added.json()
    created = datetime.fromisoformat(entry.pop("created_at"))
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)
    assert entry.pop("last_seen")
    assert entry == {
        "id": entry["id"], "email": "ann@b.example", "type": "manual", "reason": "asked by phone",
        "scope": "workspace", "origin": "api", "evidence": {}, "expires_at": None,
    }  # fmt: skip
    for name in (entry["id"], "ann@b.example", "ANN@b.example"):
        shown = await http.get(f"{URL}/{name}", headers=ours)
        assert (shown.status_code, shown.json()) == (200, added.json())
    assert (await http.delete(f"{URL}/{entry['id']}", headers=ours)).status_code == 204
    assert (await http.get(f"{URL}/{entry['id']}", headers=ours)).status_code == 404
    assert (await http.delete(f"{URL}/{entry['id']}", headers=ours)).status_code == 404
    assert await changes(answering, 2) == [("added", "manual"), ("removed", "manual")]


async def test_adding_twice_answers_200_and_says_nothing_new(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    first = await post(http, ours, email="ann@b.example", reason="first")
    second = await post(http, ours, email="ann@b.example", reason="second")
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    higher = await post(http, ours, email="ann@b.example", type="complaint")
    assert (higher.status_code, higher.json()["type"]) == (200, "complaint")
    lower = await post(http, ours, email="ann@b.example", type="bounce")
    assert (lower.status_code, lower.json()["type"]) == (200, "complaint")
    assert await changes(answering, 2) == [("added", "manual"), ("added", "complaint")]


async def test_what_was_removed_can_be_added_again(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    first = (await post(http, ours, email="a/b+c@b.example")).json()
    assert (await http.delete(f"{URL}/a%2Fb%2Bc%40b.example", headers=ours)).status_code == 204
    assert (await http.delete(f"{URL}/a%2Fb%40", headers=ours)).status_code == 404
    again = await post(http, ours, email="a/b+c@b.example")
    assert again.status_code == 201
    assert again.json()["id"] == first["id"]
    assert again.json()["created_at"] > first["created_at"]


async def test_an_addition_is_never_older_than_the_removal_before_it(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    """Also where the tombstone is ahead of the clock, as after an event from a host whose clock is."""
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    lesson = Lesson(Place("w1"), "a@b.example", Reason.HARD_BOUNCE, ahead, NEVER, "e1", {})
    await answering.store.learn([lesson])
    assert (await http.delete(f"{URL}/a@b.example", headers=ours)).status_code == 204
    again = await post(http, ours, email="a@b.example")
    assert again.status_code == 201
    assert datetime.fromisoformat(again.json()["created_at"]) > ahead.replace(
        microsecond=ahead.microsecond // 1000 * 1000
    )


async def test_an_internationalised_domain_has_one_name(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    assert (await post(http, ours, email="ann@bücher.example")).json()["email"] == "ann@xn--bcher-kva.example"
    assert (await http.get(f"{URL}/ann@bücher.example", headers=ours)).status_code == 200
    assert (await post(http, ours, email="ann@xn--bcher-kva.example")).status_code == 200


async def test_what_expired_is_not_shown_and_can_be_added_again(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    until = long_ago + timedelta(days=30)
    await answering.store.learn([Lesson(Place("w1"), "a@b.example", Reason.INACTIVE, long_ago, until, "e1", {})])
    assert (await http.get(f"{URL}/a@b.example", headers=ours)).status_code == 404
    assert (await http.get(URL, headers=ours)).json()["data"] == []
    assert (await http.delete(f"{URL}/a@b.example", headers=ours)).status_code == 404
    assert (await post(http, ours, email="a@b.example", type="bounce")).status_code == 201


async def test_a_learned_entry_shows_its_evidence_and_expiry(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    at = datetime.now(UTC).replace(microsecond=5000)
    evidence = {"event_id": "e1", "message_id": "m1", "reply": "550 $5.2.1 disabled"}
    lesson = Lesson(Place("w1"), "a@b.example", Reason.INACTIVE, at, at + timedelta(days=90), "e1", evidence)
    await answering.store.learn([lesson])
    shown = (await http.get(f"{URL}/a@b.example", headers=ours)).json()
    assert (shown["type"], shown["reason"], shown["origin"]) == ("bounce", "inactive", "event")
    assert shown["evidence"] == evidence
    assert datetime.fromisoformat(shown["expires_at"]) == at + timedelta(days=90)
    assert datetime.fromisoformat(shown["created_at"]) == at


async def test_only_an_admin_removes_a_complaint(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    await post(http, ours, email="a@b.example", type="complaint")
    refused = await http.delete(f"{URL}/a@b.example", headers=ours)
    assert (refused.status_code, refused.json()["required_scope"]) == (403, "admin")
    assert (await http.get(f"{URL}/a@b.example", headers=ours)).status_code == 200
    admin = await answering.key("w1", "suppressions", "admin")
    assert (await http.delete(f"{URL}/a@b.example", headers=admin)).status_code == 204


async def test_pages_hold_every_entry_once_newest_first(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    added = [(await post(http, ours, email=f"a{number}@b.example")).json()["email"] for number in range(7)]
    await post(http, ours, email="complained@b.example", type="complaint")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for expected in (3, 3, 1):
        page = (await http.get(URL, params={"type": "manual", "limit": "3", **cursor}, headers=ours)).json()
        assert len(page["data"]) == expected
        assert page["has_more"] == (page["next_cursor"] is not None)
        seen += [entry["email"] for entry in page["data"]]
        cursor = {"cursor": page["next_cursor"]}
    assert seen == added[::-1]
    found = (await http.get(URL, params={"type": "complaint"}, headers=ours)).json()["data"]
    assert [entry["email"] for entry in found] == ["complained@b.example"]
    found = (await http.get(URL, params={"search": "A3@b.example"}, headers=ours)).json()["data"]
    assert [entry["email"] for entry in found] == ["a3@b.example"]


async def test_entries_made_in_the_same_millisecond_are_paged_once(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    at = datetime.now(UTC)
    until = at + timedelta(days=1)
    lessons = [Lesson(Place("w1"), f"a{n}@b.example", Reason.INACTIVE, at, until, f"e{n}", {}) for n in range(5)]
    await answering.store.learn(lessons)
    first = (await http.get(URL, params={"limit": "2"}, headers=ours)).json()
    rest = await http.get(URL, params={"limit": "9", "cursor": first["next_cursor"]}, headers=ours)
    assert rest.status_code == 200
    emails = [entry["email"] for entry in first["data"] + rest.json()["data"]]
    assert sorted(emails) == [f"a{n}@b.example" for n in range(5)]


async def test_workspaces_do_not_see_each_other(
    http: httpx.AsyncClient, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    mine = (await post(http, ours, email="a@b.example")).json()
    same = (await post(http, theirs, email="a@b.example")).json()
    assert mine["id"] != same["id"]
    for call in (http.get, http.delete):
        assert (await call(f"{URL}/{mine['id']}", headers=theirs)).status_code == 404
    assert (await http.delete(f"{URL}/a@b.example", headers=theirs)).status_code == 204
    assert (await http.get(f"{URL}/{mine['id']}", headers=ours)).status_code == 200
    assert (await http.get(URL, headers=theirs)).json()["data"] == []


async def test_the_platform_has_its_own_list_behind_the_operators_token(
    answering: Suppressing, http: httpx.AsyncClient, theirs: dict[str, str]
) -> None:
    url = "/v1/platform/suppressions"
    added = await http.post(url, json={"email": "trap@b.example", "type": "complaint"}, headers=PLATFORM)
    assert (added.status_code, added.json()["scope"]) == (201, "platform")
    assert [each["email"] for each in (await http.get(url, headers=PLATFORM)).json()["data"]] == ["trap@b.example"]
    assert (await http.get(f"{url}/trap@b.example", headers=PLATFORM)).json() == added.json()
    assert (await http.get(f"{URL}/trap@b.example", headers=theirs)).status_code == 404
    assert (await http.get(f"{URL}/{added.json()['id']}", headers=theirs)).status_code == 404
    for call in (http.get(url, headers=theirs), http.post(url, json={}, headers=theirs), http.get(url)):
        assert (await call).status_code == 401
    assert (await http.delete(f"{url}/trap@b.example", headers=PLATFORM)).status_code == 204


async def test_a_removal_lets_the_next_message_pass(
    suppressing: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    await post(http, ours, email="a@b.example")
    async with suppressing.running("check"):
        await suppressing.publish(routed(Lane.STANDARD), a_message("a@b.example"))
        first = (await suppressing.cleared())["a@b.example"].verdict
        await http.delete(f"{URL}/a@b.example", headers=ours)
        await suppressing.publish(routed(Lane.STANDARD), a_message("a@b.example"))
        second = (await suppressing.cleared(at_least=2))["a@b.example"].verdict
    assert first is not None
    assert second is not None
    assert (first.kind, second.kind) == ("suppressed", "send")


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
        ({"type": "other"}, "#/type"),
        ({"limit": "0"}, "#/limit"),
        ({"limit": "101"}, "#/limit"),
        ({"cursor": "made-up"}, "#/cursor"),
        ({"cursor": "AAAAAAAAAAAAAAAA"}, "#/cursor"),
        ({"search": "nobody"}, "#/search"),
        ({"page": "2"}, "#/page"),
    ],
)
async def test_faults_of_a_list(
    http: httpx.AsyncClient, ours: dict[str, str], params: dict[str, str], pointer: str
) -> None:
    refused = await http.get(URL, params=params, headers=ours)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]


async def test_a_cursor_serves_only_the_list_it_was_made_for(
    http: httpx.AsyncClient, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    for number in range(2):
        await post(http, ours, email=f"a{number}@b.example")
    cursor = (await http.get(URL, params={"limit": "1"}, headers=ours)).json()["next_cursor"]
    assert (await http.get(URL, params={"cursor": cursor}, headers=theirs)).status_code == 422
    assert (await http.get(URL, params={"cursor": cursor, "type": "bounce"}, headers=ours)).status_code == 422


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
