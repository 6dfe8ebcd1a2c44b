"""Health by API: a workspace reads of its own mail, the operator of all; both open and close what is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.router.health import State
from services.router.health.breaker import Breaker, Tally
from services.router.health.counts import counts_of
from services.router.health.slots import start_of
from services.router.health.standing import Reputation
from services.router.health.store.breakers import Breakers
from services.router.health.store.hours import Hours
from services.router.health.store.reputations import Reputations, Standing
from services.router.health.store.slots import Slots
from shared.contracts.entities import Kind, Transport
from shared.contracts.events import Event, EventType
from tests.integration.router.conftest import Router
from tests.unit.router.health.events import an_event, failed, relayed, told

OPERATOR = {"authorization": "Bearer operator-token-of-a-test"}
REASON = {"reason": "the provider told us to wait"}


async def transports(router: Router) -> None:
    for id_, workspace, kind in (("relay", "w1", "smarthost"), ("direct", None, "direct"), ("theirs", "w2", "direct")):
        host = "relay.example" if kind == "smarthost" else None
        made = Transport(name=id_, kind=kind, host=host)
        await router.entities.put(Kind.TRANSPORT, id_, workspace, made.model_dump(mode="json"))


async def counted(router: Router, events: Sequence[Event]) -> None:
    """As the consumer of events counts them, in slots of ten seconds and in their hours."""
    database = router.deployment.database("router")
    groups: dict[Any, Any] = {}
    for event in events:
        key = (0, start_of(event.occurred_at, timedelta(seconds=10)))
        groups.setdefault(key, []).append((told(event), counts_of(told(event))))
    await Slots(database).count(groups)
    await Hours(database).renew(now())


def now() -> datetime:
    return datetime.now(UTC)


async def test_an_own_transport_shows_all_that_was_counted_of_it(router: Router) -> None:
    key = await router.key()
    await transports(router)
    long_ago = now() - timedelta(minutes=20)
    await counted(router, [failed(now()), *(relayed(now()) for _ in range(3)), relayed(long_ago), an_event(at=now())])
    async with router.running("http") as client:
        reply = await client.get("/v1/transports/relay/health", headers=key)
        assert reply.status_code == 200, reply.text
        assert (await client.get("/v1/transports/theirs/health", headers=key)).status_code == 404
        assert (await client.get("/v1/platform/transports/relay/health", headers=OPERATOR)).status_code == 404
    seen = reply.json()
    assert (seen["id"], seen["shared"], seen["mail"], seen["rollups"]) == ("relay", False, "all", [])
    assert seen["breaker"] == {"state": "closed", "since": None, "until": None, "why": None, "by": "traffic"}
    recent, hour = seen["windows"]
    assert (recent["seconds"], recent["attempts"]) == (300, 4)
    assert recent["shares"] == {
        "accepted": 0.75,
        "deferred": 0.25,
        "bounced": 0.0,
        "blocked": 0.0,
        "throttled": 0.0,
        "failed_itself": 0.25,
    }
    assert 50 < recent["latency_ms"]["p50"] <= 100
    assert (hour["seconds"], hour["attempts"], hour["shares"]["accepted"]) == (3600, 5, 0.8)


async def test_of_a_shared_transport_a_workspace_reads_its_own_mail_and_the_operator_all(router: Router) -> None:
    key = await router.key()
    await transports(router)
    mine = [an_event(at=now()) for _ in range(2)]
    theirs = [an_event(at=now(), workspace_id="w2", rollup="d:customer.test") for _ in range(7)]
    await counted(router, [*mine, *theirs])
    until = now() + timedelta(minutes=1)
    opened = [
        Breaker(("direct", rollup), State.OPEN, now(), until, 1, "90% of its attempts were blocked", tally=Tally(7, 7))
        for rollup in ("google", "d:customer.test")
    ]
    assert len(await Breakers(router.deployment.database("router")).change(opened)) == 2
    async with router.running("http") as client:
        mine_only = (await client.get("/v1/transports/direct/health", headers=key)).json()
        everything = (await client.get("/v1/platform/transports/direct/health", headers=OPERATOR)).json()
    assert (mine_only["shared"], mine_only["mail"]) == (True, "own")
    assert [(each["seconds"], each["attempts"]) for each in mine_only["windows"]] == [(86400, 2)]
    assert [(each["rollup"], each["breaker"]["state"], each["windows"]) for each in mine_only["rollups"]] == [
        ("google", "open", [])
    ]
    assert "customer.test" not in str(mine_only)
    assert everything["mail"] == "all"
    assert [each["attempts"] for each in everything["windows"]] == [9, 9]
    rollups = {each["rollup"]: [window["attempts"] for window in each["windows"]] for each in everything["rollups"]}
    assert rollups == {"google": [2, 2], "d:customer.test": [7, 7]}


async def test_breakers_are_opened_and_closed_by_hand(router: Router) -> None:
    key = await router.key()
    await transports(router)
    breakers = Breakers(router.deployment.database("router"))
    async with router.running("http") as client:
        mine = "/v1/transports/relay/breaker"
        opened = await client.post(mine, json={"state": "open", "seconds": 60, **REASON}, headers=key)
        assert opened.status_code == 200, opened.text
        view = opened.json()
        assert (view["state"], view["by"], view["why"]) == ("open", "operator", REASON["reason"])
        assert datetime.fromisoformat(view["until"]) - datetime.fromisoformat(view["since"]) == timedelta(seconds=60)
        shown = (await client.get("/v1/transports/relay/health", headers=key)).json()["breaker"]
        assert shown == view
        shut = await client.post(mine, json={"state": "closed", **REASON}, headers=key)
        assert (shut.json()["state"], shut.json()["until"]) == ("closed", None)
        shared = {"state": "open", "rollup": "google", **REASON}
        assert (await client.post("/v1/transports/direct/breaker", json=shared, headers=key)).status_code == 403
        assert (await client.post("/v1/transports/theirs/breaker", json=shared, headers=key)).status_code == 404
        theirs = await client.post("/v1/platform/transports/direct/breaker", json=shared, headers=OPERATOR)
        assert (theirs.status_code, theirs.json()["until"]) == (200, None)
    assert {key: (each.state, each.version) for key, each in (await breakers.all()).items()} == {
        ("relay", None): (State.CLOSED, 2),
        ("direct", "google"): (State.OPEN, 1),
    }


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"state": "open"}, "#/reason"),
    ({"state": "half_open", **REASON}, "#/state"),
    ({"state": "open", "seconds": 0, **REASON}, "#/seconds"),
    ({"state": "open", "rollup": "a b", **REASON}, "#/rollup"),
    ({"state": "open", "reason": "a\nb"}, "#/reason"),
    ({"state": "closed", "seconds": 5, **REASON}, "#/seconds"),
    ({"state": "open", "until": "now", **REASON}, "#/until"),
]


async def test_what_is_wrong_with_a_change_is_said(router: Router) -> None:
    async with router.running("http") as client:
        await transports(router)
        for body, pointer in WRONG:
            reply = await client.post("/v1/platform/transports/direct/breaker", json=body, headers=OPERATOR)
            assert reply.status_code == 422, body
            assert [each["pointer"] for each in reply.json()["errors"]] == [pointer]
    assert await Breakers(router.deployment.database("router")).all() == {}


async def test_sending_domains_of_a_workspace_and_the_troubled_ones_of_all(router: Router) -> None:
    mine, theirs = await router.key("w1", "domains"), await router.key("w2", "domains")
    since = now()
    events = [an_event(at=since, sender=f"us@{name}.test") for name in ("shop", "post", "shop", "news")]
    events += [an_event(EventType.BOUNCED, since, sender="us@shop.test"), an_event(at=since, workspace_id="w2")]
    events += [an_event(EventType.COMPLAINED, since, sender="us@shop.test", stage=None, route=None)]
    await counted(router, events)
    reputations = Reputations(router.deployment.database("router"))
    await reputations.change([Standing(("w1", "shop.test"), Reputation.WARNED, since)])
    async with router.running("http") as client:
        reply = await client.get("/v1/sender-health", params={"limit": 2}, headers=mine)
        assert reply.status_code == 200, reply.text
        first = reply.json()
        cursor = {"limit": 2, "cursor": first["next_cursor"]}
        rest = (await client.get("/v1/sender-health", params=cursor, headers=mine)).json()
        foreign = await client.get("/v1/sender-health", params=cursor, headers=theirs)
        platform = (await client.get("/v1/platform/sender-health", headers=OPERATOR)).json()
        no_scope = await client.get("/v1/sender-health", headers=await router.key("w1", "routing"))
    assert [each["domain"] for each in (*first["data"], *rest["data"])] == ["news.test", "post.test", "shop.test"]
    assert (first["has_more"], rest["has_more"], rest["next_cursor"], first["days"]) == (True, False, None, 7)
    assert first["thresholds"] == {"warned": 0.001, "poor": 0.003, "complaints": 3, "accepted": 100}
    shop = rest["data"][0]
    assert (shop["reputation"], shop["attempts"], shop["accepted"], shop["complained"]) == ("warned", 3, 2, 1)
    assert shop["shares"] == {"complained": 0.5, "bounced_hard": 0.3333, "deferred": 0.0, "blocked": 0.0}
    assert (first["data"][0]["reputation"], first["data"][0]["since"]) == ("good", None)
    assert foreign.status_code == 422
    assert no_scope.status_code == 403
    assert [(each["workspace_id"], each["domain"], each["reputation"]) for each in platform["data"]] == [
        ("w1", "shop.test", "warned")
    ]
