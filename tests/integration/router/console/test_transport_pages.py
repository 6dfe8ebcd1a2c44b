"""A transport on its page: shown with its health, made, changed, disabled, deleted, and its breaker by hand."""

from __future__ import annotations

from services.router.health import State
from services.router.health.store.breakers import Breakers
from shared.contracts.entities import Kind
from tests.fixtures.console import notice, words
from tests.integration.router.conftest import Router
from tests.integration.router.console.visiting import ROUTING, TRANSPORTS, rules, transport, visit
from tests.integration.router.test_health_api import counted, now
from tests.unit.router.health.events import an_event, failed

NEW = {"name": "Frankfurt", "kind": "smarthost", "host": "smtp.example.com", "port": "587", "tls": "verify"}
SECRET = {"username": "ann", "password": " hunter2 secret "}


async def test_a_transport_is_made_and_its_password_never_shown(router: Router) -> None:
    async with router.running("http") as client:
        visitor = await visit(router, client)
        made = await visitor.send(TRANSPORTS, **NEW, **SECRET, weight="50", max_connections="")
        assert made.status_code == 303
        assert notice(made, visitor) == "Added. Name it in a rule or in the failover order."
        path = made.headers["location"]
        pages = [await visitor.get(path), await visitor.get(f"{path}/edit"), await visitor.get(ROUTING)]
    kept = await router.entities.get(Kind.TRANSPORT, path.rpartition("/")[2])
    assert kept is not None
    assert (kept.workspace_id, kept.data["host"], kept.data["weight"]) == ("w1", "smtp.example.com", 50)
    assert kept.data["max_connections"] is None
    assert "Signs in as ann , with a password" in words(pages[0])
    for page in pages:
        assert page.status_code == 200
        assert "hunter2" not in page.text
        assert kept.data["password"] not in page.text


async def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_is_kept(router: Router) -> None:
    async with router.running("http") as client:
        visitor = await visit(router, client)
        reply = await visitor.send(TRANSPORTS, **{**NEW, "port": "99999", "host": "127.1"}, **SECRET)
        lone = await visitor.send(TRANSPORTS, **NEW, username="ann")
    assert reply.status_code == 422
    assert 'value="Frankfurt"' in reply.text
    assert 'value="127.1"' in reply.text
    assert "is neither a host name nor an IP address" in reply.text
    assert "less than or equal to 65535" in reply.text
    assert "hunter2" not in reply.text
    assert lone.status_code == 422
    assert "A user name and a password belong together." in lone.text
    assert await router.entities.find(Kind.TRANSPORT, {"workspace_id": "w1"}) == []


async def test_a_change_keeps_the_password_unless_it_or_the_user_name_is_given_anew(router: Router) -> None:
    async with router.running("http") as client:
        visitor = await visit(router, client)
        made = await visitor.send(TRANSPORTS, **NEW, **SECRET, weight="100")
        path = made.headers["location"]
        id_ = path.rpartition("/")[2]
        before = await router.entities.get(Kind.TRANSPORT, id_)
        same = {**NEW, "name": "Berlin", "weight": "7", "username": "ann", "password": ""}
        assert (await visitor.send(f"{path}/edit", **same)).status_code == 303
        kept = await router.entities.get(Kind.TRANSPORT, id_)
        assert (await visitor.send(f"{path}/edit", **{**same, "username": ""})).status_code == 303
        without = await router.entities.get(Kind.TRANSPORT, id_)
        nameless = await visitor.send(f"{path}/edit", **{**same, "name": " "})
    assert before is not None
    assert kept is not None
    assert without is not None
    assert (kept.data["name"], kept.data["weight"], kept.version) == ("Berlin", 7, 2)
    assert kept.data["password"] == before.data["password"]
    assert (without.data["username"], without.data["password"]) == (None, None)
    assert nameless.status_code == 422


async def test_a_transport_is_disabled_and_enabled(router: Router) -> None:
    await transport(router, "relay")
    async with router.running("http") as client:
        visitor = await visit(router, client)
        for wanted, shown in (("no", "Disabled"), ("yes", "Works")):
            assert (await visitor.send(f"{TRANSPORTS}/relay/enabled", enabled=wanted)).status_code == 303
            assert shown in words(await visitor.get(f"{TRANSPORTS}/relay"))
            kept = await router.entities.get(Kind.TRANSPORT, "relay")
            assert kept is not None
            assert kept.data["enabled"] is (wanted == "yes")


async def test_one_that_a_rule_names_is_not_deleted_and_the_page_says_which(router: Router) -> None:
    await transport(router, "relay")
    await transport(router, "spare")
    await rules(router, {"id": "bills", "when": {}, "route": [[{"transport": "relay"}]]})
    await router.entities.database[Kind.ROUTE].update_one({"_id": "w1"}, {"$set": {"data.uses": ["relay"]}})
    async with router.running("http") as client:
        visitor = await visit(router, client)
        refused = await visitor.send(f"{TRANSPORTS}/relay/delete")
        gone = await visitor.send(f"{TRANSPORTS}/spare/delete")
        assert (gone.status_code, gone.headers["location"]) == (303, ROUTING)
        assert (await visitor.get(f"{TRANSPORTS}/spare")).status_code == 404
    assert refused.status_code == 409
    assert "Take it out of bills first." in words(refused)


async def test_a_breaker_is_opened_and_closed_by_hand_with_a_reason(router: Router) -> None:
    await transport(router, "relay")
    breakers = Breakers(router.deployment.database("router"))
    async with router.running("http") as client:
        visitor = await visit(router, client)
        path = f"{TRANSPORTS}/relay/breaker"
        opened = await visitor.send(path, state="open", seconds="600", reason="they told us to wait")
        assert notice(opened, visitor) == "It is left alone."
        shown = words(await visitor.get(f"{TRANSPORTS}/relay"))
        assert "Left alone They told us to wait." in shown
        breaker = (await breakers.of_transport("relay"))["relay", None]
        assert (breaker.state, breaker.by, breaker.why) == (State.OPEN, "operator", "they told us to wait")
        assert breaker.until is not None
        assert (await visitor.send(path, state="closed", seconds="600", reason="over")).status_code == 303
        assert (await breakers.of_transport("relay"))["relay", None].state is State.CLOSED
        refused = await visitor.send(path, state="open", reason="")
        assert refused.status_code == 422
        assert "Field required." in refused.text


async def test_health_is_drawn_altogether_and_towards_a_destination(router: Router) -> None:
    await transport(router, "own", kind="direct", host=None)
    events = [an_event(at=now(), transport="own"), failed(now(), "own", kind="direct", rollup="mx:a.example")]
    await counted(router, events)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        page = await visitor.get(f"{TRANSPORTS}/own")
        towards = await visitor.get(f"{TRANSPORTS}/own", towards="mx:a.example")
        weeks = await visitor.get(f"{TRANSPORTS}/own", range="week")
    assert "Attempts a minute. Attempts: lowest 0, highest 2, last " in page.text
    assert page.text.count('<svg class="chart"') == 3
    assert "Destinations in the last hour" in words(page)
    assert "Towards mx:a.example" in words(towards)
    assert "highest 1, last " in towards.text
    assert "Attempts in 6 hours" in words(weeks)
