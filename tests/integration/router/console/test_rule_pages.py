"""Rules as text: what is wrong by its lines, what would change, what it would have done, and applying it."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.contracts.entities import Kind
from shared.contracts.events import EventType, event_of
from shared.contracts.topics import EVENTS
from tests.fixtures.console import notice, words
from tests.fixtures.messages import a_message, a_route
from tests.integration.router.conftest import Router
from tests.integration.router.console.visiting import ROUTING, RULES, direct, draft_in, rules, transport, visit

BILLS = {"id": "bills", "name": "bills", "when": {"streams": ["billing"]}, "route": [[{"transport": "relay"}]]}
DRAFT = """order: [direct, Frankfurt]
rules:
- id: bills
  when:
    streams: [billing, product]
  route:
  - - transport: Frankfurt
"""


async def prepared(router: Router) -> None:
    await direct(router)
    await transport(router, "relay", name="Frankfurt")
    await rules(router, BILLS)


async def test_the_editor_begins_with_what_is_active_by_names(router: Router) -> None:
    await prepared(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        page = await visitor.get(RULES)
        text = draft_in(page)
        same = await visitor.send(RULES, draft=text, version="1", do="check")
    assert "transport: Frankfurt" in text
    assert "Version 1 is active." in words(page)
    assert "Nothing: the draft says what is active." in words(same)


async def test_what_would_change_is_shown_and_nothing_is_stored(router: Router) -> None:
    await prepared(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        reply = await visitor.send(RULES, draft=DRAFT, version="1", do="check")
    shown = words(reply)
    assert reply.status_code == 200
    assert "Failover order the platform’s → direct, Frankfurt" in shown
    assert 'changed bills when.streams ["billing"] → ["billing", "product"]' in shown
    assert draft_in(reply) == DRAFT
    kept = await router.entities.get(Kind.ROUTE, "w1")
    assert kept is not None
    assert kept.version == 1


async def test_faults_are_told_by_their_lines_beside_what_stands_there(router: Router) -> None:
    await prepared(router)
    wrong = DRAFT.replace("streams:", "strems:").replace("transport: Frankfurt", "transport: <b>Nobody</b>")
    async with router.running("http") as client:
        visitor = await visit(router, client)
        for do in ("check", "replay", "apply"):
            reply = await visitor.send(RULES, draft=wrong, version="1", do=do)
            assert reply.status_code == 422
            assert "Line 5 : rules[0].when.strems: there is no such field strems: [billing, product]" in words(reply)
            assert draft_in(reply) == wrong
        unnamed = await visitor.send(RULES, draft=wrong.replace("strems", "streams"), version="1", do="apply")
        broken = await visitor.send(RULES, draft="rules: [", version="1", do="check")
    assert "Line 7 : rules[0].route[0][0].transport: there is no transport <b>Nobody</b>" in words(unnamed)
    assert "<b>Nobody" not in unnamed.text
    assert (broken.status_code, "Line 1" in words(broken)) == (422, True)
    kept = await router.entities.get(Kind.ROUTE, "w1")
    assert kept is not None
    assert kept.version == 1


async def test_transports_of_a_draft_may_stand_there_but_are_not_changed(router: Router) -> None:
    await prepared(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        same = "transports:\n  Frankfurt: {kind: smarthost, host: relay.example}\n"
        assert (await visitor.send(RULES, draft=same + DRAFT, version="1", do="check")).status_code == 200
        other = await visitor.send(RULES, draft=same.replace("relay.", "other.") + DRAFT, version="1", do="apply")
    assert other.status_code == 422
    assert "Line 2 : transports.Frankfurt: transports are made and changed on their own pages" in words(other)


async def test_a_draft_is_applied_once_and_says_by_whom(router: Router) -> None:
    await prepared(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        applied = await visitor.send(RULES, draft=DRAFT.replace("\n", "\r\n"), version="1", do="apply")
        assert (applied.status_code, applied.headers["location"]) == (303, ROUTING)
        assert notice(applied, visitor) == "The rules are applied, as version 2."
        shown = words(await visitor.get(ROUTING))
    assert "Mail of the stream billing or product goes by Frankfurt" in shown
    assert "Version 2, changed" in shown
    kept = await router.entities.get(Kind.ROUTE, "w1")
    assert kept is not None
    assert (kept.version, kept.data["transports"], kept.data["changed_by"]["name"]) == (2, ["direct", "relay"], "k")


async def test_who_was_faster_is_not_overwritten_unseen(router: Router) -> None:
    await prepared(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        await rules(router, {**BILLS, "id": "others"})
        refused = await visitor.send(RULES, draft=DRAFT, version="1", do="apply")
        assert refused.status_code == 409
        shown = words(refused)
        assert "The rules are at version 2 by now." in shown
        assert "removed others" in shown
        assert 'name="version" value="2"' in refused.text
        assert draft_in(refused) == DRAFT
        assert (await visitor.send(RULES, draft=DRAFT, version="2", do="apply")).status_code == 303
        assert (await visitor.send(RULES, draft=DRAFT + "\n\n", version="x", do="check")).status_code == 200


async def test_a_draft_is_replayed_over_past_decisions(router: Router) -> None:
    await prepared(router)
    messages = [a_message(workspace_id="w1") for _ in range(3)]
    inputs = {"sender_domain": "shop.test", "recipient_domain": "a.test", "size": 1, "attempt": 0,
              "dns": "static", "rollup": "static:*.test"}  # fmt: skip
    route = a_route("direct", inputs=inputs, decided_at=datetime.now(UTC)).model_dump(mode="json")
    events = [event_of(each, EventType.DELIVERED, datetime.now(UTC), {"route": route}) for each in messages]
    await router.deployment.publish(EVENTS, [(each.message_id, each.encode(), {}) for each in events])
    await router.deployment.records(EVENTS, 3)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        reply = await visitor.send(RULES, draft=DRAFT, version="1", do="replay", period="hour")
        same = await visitor.send(RULES, draft=draft_in(await visitor.get(RULES)), version="1", do="replay")
    shown = words(reply)
    assert reply.status_code == 200, shown
    assert "3 of 3 would have gone otherwise." in shown
    assert "3 messages Direct the failover order, standard lane Frankfurt rule bills, standard lane" in shown
    assert all(f"/console/messages/{each.message_id}" in reply.text for each in messages)
    assert "Every message would have gone as it went." in words(same)


async def test_a_change_by_the_api_is_its_keys(router: Router) -> None:
    await prepared(router)
    key = await router.key()
    async with router.running("http") as client:
        assert (await client.delete("/v1/routes/rules/bills", headers=key)).status_code == 204
    kept = await router.entities.get(Kind.ROUTE, "w1")
    assert kept is not None
    assert (kept.data["changed_by"]["kind"], kept.data["changed_by"]["name"]) == ("api_key", "k")
