"""What a key opens on every route there is: what its scopes say, for as long as it lives."""

from __future__ import annotations

import pytest

from shared.tokens import new_api_key
from tests.integration.isolation.asking import OPEN, OPERATOR, Ask, listed
from tests.integration.isolation.estate import Estate
from tests.integration.isolation.state import changes, state_of
from tests.integration.isolation.table import ASKS

pytestmark = pytest.mark.asyncio(loop_scope="package")

SCOPED = [ask for ask in ASKS if ask.scope not in (OPEN, OPERATOR)]
PLATFORM = [ask for ask in ASKS if ask.scope == OPERATOR]
CLOSED = [*SCOPED, *PLATFORM]


async def test_a_key_without_the_scope_is_refused_whatever_is_there(estate: Estate) -> None:
    before = await state_of(estate.deployment)
    wrong = {}
    for ask in SCOPED:
        caller = estate.all_but(ask.scope)
        own = await caller.ask(ask, estate.own)
        theirs, nobodys = await caller.ask(ask, estate.theirs), await caller.ask(ask, estate.nobodys())
        elsewhere = "{workspace}" in ask.path
        expected = (ask.refusal, 404 if elsewhere else ask.refusal)
        if (own.status, theirs.status) != expected or theirs != nobodys or (own != theirs and not elsewhere):
            wrong[ask.operation, ask.scope] = own, theirs, nobodys
    assert not wrong, listed(wrong)
    assert changes(before, await state_of(estate.deployment)) == ""


@pytest.mark.parametrize("key", ["none", "unknown", "malformed", "revoked", "expired"])
async def test_without_a_living_key_nothing_is_there(estate: Estate, key: str) -> None:
    before = await state_of(estate.deployment)
    keys = {**estate.keys, "none": None, "unknown": new_api_key(), "malformed": "ph_live_x"}
    wrong = {}
    for ask in CLOSED:
        caller = estate.asker(keys[key])
        replies = [await caller.ask(ask, values) for values in (estate.own, estate.theirs, estate.nobodys())]
        if replies[0].status != 401 or len(set(replies)) > 1:
            wrong[ask.operation, str(ask.json)] = replies
    assert not wrong, listed(wrong)
    assert changes(before, await state_of(estate.deployment)) == ""


async def test_no_key_of_a_workspace_opens_what_is_the_operators(estate: Estate) -> None:
    before = await state_of(estate.deployment)
    wrong = {}
    for ask in PLATFORM:
        caller = estate.asker(estate.second.key)
        replies = [await caller.ask(ask, values) for values in (estate.own, estate.theirs, estate.nobodys())]
        if replies[0].status not in (401, 403) or len(set(replies)) > 1:
            wrong[ask.operation, str(ask.json)] = replies
    assert not wrong, listed(wrong)
    assert changes(before, await state_of(estate.deployment)) == ""


def deletions_last(ask: Ask) -> tuple[bool, int]:
    """What stands below another thing is deleted before it."""
    return (True, -ask.path.count("/")) if ask.method == "DELETE" else (False, 0)


async def test_a_key_with_the_scope_alone_gets_in(estate: Estate) -> None:
    """Else the other tests would compare refusals that have another reason. The last one: it deletes what is there."""
    refused = {}
    for ask in sorted(ASKS, key=deletions_last):
        if not ask.alone or ask in PLATFORM:
            continue
        caller = estate.only(ask) if ask in SCOPED else estate.asker(None)
        reply = await caller.ask(ask, estate.own)
        if reply.status >= 400:
            refused[ask.operation, str(ask.json or dict(ask.query))] = [reply]
    assert not refused, listed(refused)
