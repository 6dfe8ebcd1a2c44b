"""`/v1/suppressions` and `/v1/platform/suppressions`."""

from datetime import UTC, datetime, timedelta

import httpx

from services.suppression.rules import NEVER, Lesson, Place, Reason
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import SUPPRESSION_CHANGES, Lane, routed
from tests.fixtures.messages import a_message
from tests.integration.suppression.conftest import OPERATOR, URL, Suppressing, post

PLATFORM = {"authorization": f"Bearer {OPERATOR}"}


async def changes(answering: Suppressing, at_least: int) -> list[tuple[str, str]]:
    records = await answering.deployment.records(SUPPRESSION_CHANGES, at_least)
    found = [SuppressionChange.decode(record.value) for record in records]
    return [(change.change, change.reason) for change in found]


async def test_an_entry_is_added_shown_and_removed(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    added = await post(http, ours, email="Ann@B.example", reason="asked by phone")
    assert added.status_code == 201
    entry = added.json()["data"]
    created = datetime.fromisoformat(entry.pop("created_at"))
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)
    assert entry.pop("last_seen")
    assert entry == {
        "uuid": entry["uuid"], "email": "ann@b.example", "type": "manual", "cause": "manual",
        "reason": "asked by phone", "scope": "workspace", "domain": None, "stream": None,
        "origin": "api", "evidence": {}, "expires_at": None,
    }  # fmt: skip
    for name in (entry["uuid"], "ann@b.example", "ANN@b.example"):
        shown = await http.get(f"{URL}/{name}", headers=ours)
        assert (shown.status_code, shown.json()) == (200, added.json())
    assert (await http.delete(f"{URL}/{entry['uuid']}", headers=ours)).status_code == 204
    assert (await http.get(f"{URL}/{entry['uuid']}", headers=ours)).status_code == 404
    assert (await http.delete(f"{URL}/{entry['uuid']}", headers=ours)).status_code == 404
    assert await changes(answering, 2) == [("added", "manual"), ("removed", "manual")]


async def test_adding_twice_answers_200_and_says_nothing_new(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    first = await post(http, ours, email="ann@b.example", reason="first")
    second = await post(http, ours, email="ann@b.example", reason="second")
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    higher = await post(http, ours, email="ann@b.example", type="complaint")
    assert (higher.status_code, higher.json()["data"]["type"]) == (200, "complaint")
    lower = await post(http, ours, email="ann@b.example", type="bounce")
    assert (lower.status_code, lower.json()["data"]["type"]) == (200, "complaint")
    assert await changes(answering, 2) == [("added", "manual"), ("added", "complaint")]


async def test_what_was_removed_can_be_added_again(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    first = (await post(http, ours, email="a/b+c@b.example")).json()["data"]
    assert (await http.delete(f"{URL}/a%2Fb%2Bc%40b.example", headers=ours)).status_code == 204
    assert (await http.delete(f"{URL}/a%2Fb%40", headers=ours)).status_code == 404
    again = await post(http, ours, email="a/b+c@b.example")
    assert again.status_code == 201
    assert again.json()["data"]["uuid"] == first["uuid"]
    assert again.json()["data"]["created_at"] > first["created_at"]


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
    assert datetime.fromisoformat(again.json()["data"]["created_at"]) > ahead.replace(
        microsecond=ahead.microsecond // 1000 * 1000
    )


async def test_an_internationalised_domain_has_one_name(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    assert (await post(http, ours, email="ann@bücher.example")).json()["data"]["email"] == "ann@xn--bcher-kva.example"
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
    shown = (await http.get(f"{URL}/a@b.example", headers=ours)).json()["data"]
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
    unsaid = await http.delete(f"{URL}/a@b.example", headers=admin)
    assert (unsaid.status_code, unsaid.json()["errors"][0]["pointer"]) == (422, "#/reason")
    said = {"reason": "pressed the wrong button, wrote to us"}
    assert (await http.delete(f"{URL}/a@b.example", params=said, headers=admin)).status_code == 204


async def test_workspaces_do_not_see_each_other(
    http: httpx.AsyncClient, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    mine = (await post(http, ours, email="a@b.example")).json()["data"]
    same = (await post(http, theirs, email="a@b.example")).json()["data"]
    assert mine["uuid"] != same["uuid"]
    for call in (http.get, http.delete):
        assert (await call(f"{URL}/{mine['uuid']}", headers=theirs)).status_code == 404
    assert (await http.delete(f"{URL}/a@b.example", headers=theirs)).status_code == 204
    assert (await http.get(f"{URL}/{mine['uuid']}", headers=ours)).status_code == 200
    assert (await http.get(URL, headers=theirs)).json()["data"] == []


async def test_the_platform_has_its_own_list_behind_the_operators_token(
    answering: Suppressing, http: httpx.AsyncClient, theirs: dict[str, str]
) -> None:
    url = "/v1/platform/suppressions"
    added = await http.post(url, json={"email": "trap@b.example", "type": "complaint"}, headers=PLATFORM)
    assert (added.status_code, added.json()["data"]["scope"]) == (201, "platform")
    assert [each["email"] for each in (await http.get(url, headers=PLATFORM)).json()["data"]] == ["trap@b.example"]
    assert (await http.get(f"{url}/trap@b.example", headers=PLATFORM)).json() == added.json()
    assert (await http.get(f"{URL}/trap@b.example", headers=theirs)).status_code == 404
    assert (await http.get(f"{URL}/{added.json()['data']['uuid']}", headers=theirs)).status_code == 404
    for call in (http.get(url, headers=theirs), http.post(url, json={}, headers=theirs), http.get(url)):
        assert (await call).status_code == 401
    assert (await http.delete(f"{url}/trap@b.example", headers=PLATFORM)).status_code == 422
    assert (await http.delete(f"{url}/trap@b.example?reason=test", headers=PLATFORM)).status_code == 204


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


async def test_an_erased_person_is_known_by_the_hmac_alone_and_stays_suppressed(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    await post(http, ours, email="ann@b.example")
    await answering.store.add(Place("w1"), "ann@b.example", Reason.ERASURE, None, None)
    bounced = Lesson(Place("w1"), "ann@b.example", Reason.HARD_BOUNCE, datetime.now(UTC), NEVER, "e1", {"reply": "ann"})
    await answering.store.learn([bounced])
    assert (await post(http, ours, email="ann@b.example")).status_code == 200
    (document,) = await answering.deployment.database("suppression")["suppressions"].find().to_list(None)
    assert not {"address", "parts"} & document.keys()
    assert document["standing"]["evidence"] == {}
    shown = (await http.get(f"{URL}/ann@b.example", headers=ours)).json()["data"]
    assert (shown["type"], shown["email"], shown["expires_at"]) == ("erasure", None, None)
