"""A message explained on its page: by the rules as they are, under a draft of them, and what is wrong with the form."""

from __future__ import annotations

from tests.fixtures.console import words
from tests.integration.router.conftest import Router
from tests.integration.router.console.visiting import ROUTING, direct, draft_in, rules, transport, visit

EXPLAIN = f"{ROUTING}/explain"
MESSAGE = {"from": "us@shop.example", "to": "ann@some.test", "stream": "billing", "tags": "receipt, paid"}
RECEIPTS = {
    "id": "receipts", "when": {"tags": ["receipt"]}, "route": [[{"transport": "relay"}], [{"transport": "direct"}]],
}  # fmt: skip
DRAFT = 'rules: [{id: stop, when: {tags: [paid]}, hold: {reason: "the <b>figures</b> are wrong"}}]'


async def prepared(router: Router) -> None:
    await direct(router)
    await transport(router, "relay", name="Frankfurt")
    await rules(router, RECEIPTS)


async def test_the_decision_is_told_with_every_candidate(router: Router) -> None:
    await prepared(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        assert "Which message?" in words(await visitor.get(EXPLAIN))
        shown = words(await visitor.get(EXPLAIN, **MESSAGE))
    assert "It goes by “Frankfurt”: it is the first in the failover order" in shown
    assert "The workspace's rule receipts (version 1) decides." in shown
    assert "Direct tier 2 weight 100 score 0.50 a transport before it in the failover order was taken" in shown
    assert "Tags receipt, paid" in shown


async def test_the_attempt_before_turns_it(router: Router) -> None:
    await prepared(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        shown = words(await visitor.get(EXPLAIN, **MESSAGE, last="relay", scope="transport", attempt="1"))
    assert "It goes by “Direct”: it comes next behind the transport that failed" in shown


async def test_a_draft_decides_in_place_of_what_is_active(router: Router) -> None:
    await prepared(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        asked = await visitor.send(EXPLAIN, draft=DRAFT, do="draft")
        assert (asked.status_code, draft_in(asked)) == (200, DRAFT)
        held = await visitor.send(EXPLAIN, draft=DRAFT, **MESSAGE)
        active = words(await visitor.get(EXPLAIN, **MESSAGE))
    assert "It is held" in words(held)
    assert "the <b>figures</b> are wrong" in words(held)
    assert "<b>figures" not in held.text
    assert "It goes by “Frankfurt”" in active


async def test_what_is_wrong_is_told_at_its_field(router: Router) -> None:
    await prepared(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        addresses = await visitor.get(EXPLAIN, **{**MESSAGE, "from": "nobody", "to": "ann@"})
        numbers = await visitor.get(EXPLAIN, **MESSAGE, size="-1", attempt="many")
        draft = await visitor.send(EXPLAIN, **MESSAGE, draft="rules: [{id: x}]")
        alone = await visitor.get(EXPLAIN, to="ann@some.test")
    for reply in (addresses, numbers, draft, alone):
        assert reply.status_code == 422
        assert "It goes by" not in reply.text
    assert addresses.text.count('aria-invalid="true"') == 2
    assert 'value="nobody"' in addresses.text
    assert numbers.text.count('aria-invalid="true"') == 2
    assert "Line 1 : rules[0]: A rule needs a route, a lane, a hold or a reject." in words(draft)
    assert alone.text.count('aria-invalid="true"') == 1
