"""What `/v1/queue` shows: stages before the sender, then lanes, destinations and messages, to each its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.messages import LastAttempt
from shared.contracts.stages import StageReport
from shared.contracts.topics import STAGE_REPORTS, Lane, Stream, accepted, cleared, due, routed
from shared.secrets import address_hmac
from shared.tokens import made_at
from tests.integration.sender.queue_world import Callers, open_queue, waiting
from tests.integration.sender.world import World

STATES = ("waiting", "deferred", "held", "released")


async def some_wait(world: World) -> dict[str, dict[str, Any]]:
    """Two of each state of two workspaces at two destinations in two lanes; by id."""
    documents = []
    for state in STATES:
        for workspace in ("w1", "w2"):
            for lane, stream, rollup in (
                (Lane.STANDARD, Stream.PRODUCT, "google"),
                (Lane.CRITICAL, Stream.SECURITY, "mx:1"),
            ):
                message = await world.message(
                    f"{state}@{rollup.replace(':', '')}.example", workspace_id=workspace, lane=lane, stream=stream,
                    route=world.route(rollup=rollup), content_id="c",
                )  # fmt: skip
                said = {"hold": "h1"} if state == "held" else {}
                documents.append(waiting(message, state, **said))
    await world.deployment.database("sender")["deliveries"].insert_many(documents)
    return {each["_id"]: each for each in documents}


async def test_everybody_sees_the_counts_of_their_own_and_the_operator_all(world: World) -> None:
    there = await some_wait(world)
    async with open_queue(world) as queue:
        for caller, count in ((queue.operator, 2), (queue.first, 1), (queue.second, 1)):
            seen = await caller.get()
            assert [lane["lane"] for lane in seen["lanes"]] == ["critical", "standard"]
            for lane in seen["lanes"]:
                assert [lane[state]["count"] for state in STATES] == [count] * 4
            destinations = seen["destinations"]["data"]
            assert [each["rollup"] for each in destinations] == ["google", "mx:1"]
            for each in destinations:
                assert [each[state]["count"] for state in STATES] == [count] * 4
                assert (each["transport"], each["in_flight"]["count"]) == ("direct", 0)
            whys = {state: destinations[0][state]["why"] for state in STATES}
            assert whys["waiting"] == "waits for its turn"
            assert destinations[0]["held"]["hold"] == "h1"
        oldest = min(id_ for id_, each in there.items() if each["lane"] == "critical" and each["state"] == "waiting")
        lane = (await queue.operator.get())["lanes"][0]
        shown = datetime.fromisoformat(lane["waiting"]["oldest_at"])
        assert abs(shown - made_at(oldest)) < timedelta(milliseconds=2)
        assert lane["deferred"]["next_at"] is not None
        assert (await queue.first.get())["stages"] is None


async def test_messages_are_found_by_every_filter(world: World) -> None:
    there = await some_wait(world)

    def expected(**wanted: Any) -> set[str]:
        return {id_ for id_, each in there.items() if all(each[name] == value for name, value in wanted.items())}

    async with open_queue(world) as queue:
        cases: list[tuple[dict[str, Any], set[str]]] = [
            ({}, expected()),
            ({"workspace": "w2"}, expected(workspace_id="w2")),
            ({"lane": "critical"}, expected(lane="critical")),
            ({"state": "deferred"}, expected(state="deferred")),
            ({"domain": "GOOGLE.example"}, expected(domain="google.example")),
            ({"rollup": "mx:1"}, expected(destination="direct|mx:1")),
            ({"rollup": "mx:1", "transport": "direct", "state": "held"}, expected(state="held", lane="critical")),
            ({"transport": "direct"}, expected()),
            ({"transport": "dire"}, set()),
            ({"rollup": "1"}, set()),
            ({"hold": "01890000-0000-7000-8000-000000000000"}, set()),
            ({"state": "in_flight"}, set()),
        ]
        for query, ids in cases:
            found = await queue.operator.messages(**query, limit=100)
            assert {each["id"] for each in found} == ids, query
            assert len(found) == len(ids), query
            own = await queue.first.messages(**{**query, **({"workspace": "w1"} if "workspace" in query else {})})
            if "workspace" not in query:
                assert {each["id"] for each in own} == ids & expected(workspace_id="w1"), query


async def test_what_waits_for_one_recipient_is_found_by_their_address(world: World) -> None:
    deliveries = world.deployment.database("sender")["deliveries"]
    there: dict[str, Any] = {}
    for state, rollup, workspace in (
        ("waiting", "google", "w1"), ("held", "mx:1", "w1"), ("deferred", "mx:1", "w2"), ("ended", "mx:1", "w1"),
    ):  # fmt: skip
        message = await world.message(
            "Ann@one.example", workspace_id=workspace, route=world.route(rollup=rollup), content_id="c"
        )
        digest = address_hmac(world.deployment.shared.pepper_bytes, message.recipient)
        there[state] = waiting(message, state, address=digest)
    others = waiting(await world.message("bo@one.example", content_id="c"))
    await deliveries.insert_many([*there.values(), others])
    async with open_queue(world) as queue:
        cases: list[tuple[dict[str, Any], list[str]]] = [
            ({}, ["waiting", "held"]),
            ({"state": "held"}, ["held"]),
            ({"rollup": "google"}, ["waiting"]),
            ({"rollup": "google", "state": "held"}, []),
            ({"lane": "critical"}, []),
            ({"domain": "one.example", "transport": "direct"}, ["waiting", "held"]),
        ]
        for query, states in cases:
            found = await queue.first.messages(recipient="ann@ONE.example", **query)
            assert [each["id"] for each in found] == [there[state]["_id"] for state in states], query
        assert await paged(queue.operator, "/messages", 1, recipient="ann@one.example") == [
            there[state]["_id"] for state in ("waiting", "held", "deferred")
        ]
        for wrong in ({"recipient": "nobody"}, {"recipient": "a@b.example", "hold": there["held"]["_id"]}):
            assert (await queue.first.ask("GET", "/messages", params=wrong)).status_code == 422


async def test_pages_show_everything_once_whatever_their_size(world: World) -> None:
    there = await some_wait(world)
    async with open_queue(world) as queue:
        for caller in (queue.operator, queue.first):
            for query in ({}, {"rollup": "google"}, {"domain": "mx1.example"}, {"transport": "direct"}):
                whole = [each["id"] for each in await caller.messages(**query, limit=100)]
                for size in (1, 3):
                    assert await paged(caller, "/messages", size, **query) == whole
            destinations = [each["id"] for each in (await caller.get("/destinations"))["data"]]
            assert await paged(caller, "/destinations", 1) == destinations == ["direct|google", "direct|mx:1"]
        cursor = (await queue.first.get("/messages", limit=1))["next_cursor"]
        for wrong in (queue.second, queue.operator):
            assert (await wrong.ask("GET", "/messages", params={"limit": 1, "cursor": cursor})).status_code == 422
        refused = await queue.first.ask("GET", "/messages", params={"state": "held", "cursor": cursor})
        assert refused.json()["errors"][0]["pointer"] == "#/cursor"
    assert len(there) == 16


async def paged(caller: Any, path: str, size: int, **query: Any) -> list[str]:
    seen: list[str] = []
    cursor = None
    while True:
        page = await caller.get(path, limit=size, **query, **({"cursor": cursor} if cursor else {}))
        seen += [each["id"] for each in page["data"]]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        if cursor is None:
            return seen


async def test_a_message_shows_why_it_waits_what_was_replied_and_when_it_goes_on(world: World) -> None:
    deferred = await world.message("tempfail+why@sink.test")
    behind = await world.message("ok+behind@sink.test", route=world.route(transport_version=9))
    tried = await world.message(last=LastAttempt(transport="direct", outcome="421 busy"))
    deliveries = world.deployment.database("sender")["deliveries"]
    async with open_queue(world) as queue:
        async with world.sender(retry_delays=[600]):
            await world.clear(deferred, behind)
            await world.events(deferred, "deferred")
            (shown,) = [each for each in await queue.first.messages(state="deferred") if each["attempts"]]
            assert (shown["id"], shown["recipient"]) == (deferred.message_id, deferred.recipient)
            assert (shown["attempts"], shown["transport"], shown["rollup"]) == (1, "direct", "static:*.test")
            assert shown["last_reply"] == shown["why"]
            assert shown["last_reply"].startswith("451 ")
            assert datetime.fromisoformat(shown["next_at"]) > datetime.now(UTC) + timedelta(seconds=300)
            again = (await world.returned())[0]
            assert again.message_id == behind.message_id
        parked = waiting(behind, "deferred", why="configuration: transport")
        await deliveries.replace_one({"_id": parked["_id"]}, parked)
        await deliveries.insert_one(waiting(tried))
        by_id = {each["id"]: each for each in await queue.first.messages()}
    assert by_id[behind.message_id]["why"] == "configuration: transport"
    assert by_id[tried.message_id]["last_reply"] == "421 busy"


async def test_the_stages_before_the_sender_are_counted_with_their_oldest(world: World) -> None:
    topics = tuple(name(lane) for name in (accepted, routed) for lane in Lane)
    await world.deployment.prepare(topics=(*topics, STAGE_REPORTS))
    standard, critical = await world.message(), await world.message(lane=Lane.CRITICAL)
    before = datetime.now(UTC)
    for topic, message in (
        (accepted(Lane.STANDARD), standard),
        (due(Lane.STANDARD), standard),
        (routed(Lane.CRITICAL), critical),
        (cleared(Lane.STANDARD), standard),
        (cleared(Lane.STANDARD), await world.message()),
    ):
        await world.deployment.publish(topic, [(message.message_id, message.encode(), {})])
    report = StageReport(
        stage="outbox", lane=Lane.CRITICAL, count=100_000, more=True, oldest_at=before, reported_at=before
    )
    for each in (report.with_changes(count=1, more=False), report):
        await world.deployment.publish(STAGE_REPORTS, [("outbox:critical", each.encode(), {})])
    later = report.encode().replace(b'"stage":"outbox"', b'"stage":"of_a_later_version"')
    await world.deployment.publish(STAGE_REPORTS, [("later:critical", later, {})])
    async with open_queue(world) as queue:
        stages = {(each["lane"], each["stage"]): each for each in (await queue.operator.get())["stages"]}
    assert {place: each["count"] for place, each in stages.items()} == {
        ("critical", "outbox"): 100_000, ("standard", "outbox"): None,
        ("critical", "router"): 0, ("critical", "suppression"): 1, ("critical", "sender"): 0,
        ("standard", "router"): 2, ("standard", "suppression"): 0, ("standard", "sender"): 2,
    }  # fmt: skip
    assert stages["critical", "outbox"]["more"]
    for each in stages.values():
        assert (each["oldest_at"] is not None) is bool(each["count"])
        if each["count"]:
            assert before - timedelta(seconds=1) < datetime.fromisoformat(each["oldest_at"]) <= datetime.now(UTC)


async def faults_of(queue: Callers, path: str, body: Any) -> list[str]:
    reply = await queue.first.ask("POST", path, json=body)
    assert reply.status_code == 422, reply.text
    return [fault["pointer"] for fault in reply.json()["errors"]]


async def test_what_cannot_be_done_is_refused_and_nothing_is_stored(world: World) -> None:
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    async with open_queue(world) as queue:
        assert await faults_of(queue, "/retry", {}) == ["#"]
        assert await faults_of(queue, "/hold", {"domain": "a.example"}) == ["#/reason"]
        assert await faults_of(queue, "/hold", {"domain": "a.example", "reason": "x", "until": past}) == ["#/until"]
        assert await faults_of(queue, "/bounce", {"domain": "no domain", "reason": "x"}) == ["#/domain"]
        assert await faults_of(queue, "/retry", {"messages": ["x"]}) == ["#/messages/0"]
        assert await faults_of(queue, "/retry", {"rollup": "a", "more": 1}) == ["#/more"]
        assert await faults_of(queue, "/release", {"hold": past, "domain": "a.example"}) == ["#/hold"]
        assert (await queue.first.ask("POST", "/retry", json={"workspace": "w2"})).status_code == 404
        assert (await queue.first.ask("GET", "/messages", params={"workspace": "w2"})).status_code == 404
        for _ in range(100):
            await queue.first.begin("hold", domain="a.example", reason="x")
        full = await queue.first.ask("POST", "/hold", json={"domain": "a.example", "reason": "x"})
        assert (full.status_code, full.json()["code"]) == (409, "too_many_holds")
    for name in ("jobs", "holds"):
        assert await world.deployment.database("sender")[name].count_documents({}) == 100
