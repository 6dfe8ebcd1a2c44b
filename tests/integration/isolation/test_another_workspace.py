"""One workspace's key against everything of another: not there, not changed, not told, on every route there is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.integration.isolation.asking import Ask, listed
from tests.integration.isolation.estate import Estate
from tests.integration.isolation.state import changes, state_of
from tests.integration.isolation.table import ASKS

pytestmark = pytest.mark.asyncio(loop_scope="package")


def operation_of(document: dict[str, Any], ask: Ask) -> tuple[str, str]:
    """The operation of the API's description that is asked for; of several the one with the fewest parameters."""
    path = re.sub(r"\{\w+\}", "x", ask.path)
    found = [
        template
        for template, operations in document["paths"].items()
        if ask.method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    assert found, f"{ask.operation} is no operation of the API"
    return ask.method, min(found, key=lambda template: template.count("{"))


async def test_the_table_has_every_operation_of_the_api(estate: Estate) -> None:
    document = estate.api.openapi()
    there = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    walked = {operation_of(document, ask) for ask in ASKS}
    assert there == walked, "these routes are to be added to the tables of the isolation tests"


async def test_nothing_of_a_workspace_is_there_for_another(estate: Estate) -> None:
    before = await state_of(estate.deployment, without=estate.second.workspace)
    assert any(estate.first.secret in text for text in before.values())
    stranger = estate.asker(estate.second.key)
    told = {}
    for ask in ASKS:
        theirs = await stranger.ask(ask, estate.theirs)
        nobodys = await stranger.ask(ask, estate.nobodys())
        if theirs != nobodys or theirs.status >= 500:
            told[ask.operation, str(ask.json or dict(ask.query))] = theirs, nobodys
        names = {estate.first.secret, *(value for name, value in estate.first.values.items() if name != "version")}
        if shown := {name for name in names if name in theirs.text or name in str(theirs.headers)}:
            told[ask.operation, "shows"] = sorted(shown), theirs
    assert not told, listed(told)
    after = await state_of(estate.deployment, without=estate.second.workspace)
    assert changes(before, after) == ""
