"""The console's pages, all of them: nobody without a session, nothing without its scope, no form of another site, and
nothing of another workspace."""

from __future__ import annotations

from datetime import timedelta

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from services.ingest.settings import Settings
from services.suppression.store.imports import Imports
from shared.console.session import Sessions
from shared.tokens import uuid7
from tests.fixtures.console import VisitingClient, is_led_to_sign_in, signed_in
from tests.integration.isolation.asking import Values
from tests.integration.isolation.estate import Estate
from tests.integration.isolation.state import changes, state_of
from tests.integration.isolation.table_console import ANYBODY, EXAMPLES, OPEN, QUERIES

pytestmark = pytest.mark.asyncio(loop_scope="package")
Operation = tuple[str, str]


def operations(estate: Estate) -> list[Operation]:
    """Every method and path of the console, without those that anybody may ask for."""
    found = [
        (method, route.path)
        for route in estate.api.router.routes
        if isinstance(route, APIRoute) and (route.path == "/console" or route.path.startswith("/console/"))
        for method in sorted(route.methods - {"HEAD"})
    ]
    return [each for each in found if each[1] not in OPEN]


def url_of(path: str, values: Values) -> str:
    url = path
    for parameter, name in EXAMPLES.get(path, {}).items():
        url = url.replace(f"{{{parameter}}}", values.get(name, name))
    assert "{" not in url, f"{path} is to be added to table_console.py"
    return url + QUERIES.get(path, "")


@pytest_asyncio.fixture(scope="module", loop_scope="package", autouse=True)
async def imports(estate: Estate) -> None:
    """An import of each workspace, which pages alone make."""
    store = Imports(estate.deployment.database("suppression"))
    for tenant in (estate.first, estate.second):
        tenant.values["import"] = uuid7()
        await store.begin(tenant.workspace, tenant.values["import"], None, 1000)


@pytest_asyncio.fixture(loop_scope="package")
async def everything(estate: Estate) -> VisitingClient:
    """A visitor with every scope, of the second workspace."""
    estate.api.stopping.set()  # so that live parts end
    settings = estate.deployment.settings(Settings)
    return await signed_in(estate.http, estate.deployment.database("ingest"), settings, estate.second.key)


async def test_the_table_has_every_path_with_a_name_in_it(estate: Estate) -> None:
    missing = [path for _, path in operations(estate) if "{" in path and path not in EXAMPLES]
    assert not missing, "these paths are to be added to table_console.py"
    assert set(EXAMPLES) <= {path for _, path in operations(estate)}


async def test_without_a_session_everything_leads_to_the_sign_in(estate: Estate) -> None:
    nobody = VisitingClient(estate.http, Sessions(b"k" * 32, timedelta(hours=1)), None)
    wrong = {}
    for method, path in operations(estate):
        url = url_of(path, estate.own)
        reply = await (nobody.get(url) if method == "GET" else nobody.send(url))
        if not is_led_to_sign_in(reply):
            wrong[method, path] = reply.status_code
    assert not wrong


async def test_a_session_without_a_scope_opens_nothing_that_needs_one(
    estate: Estate, everything: VisitingClient
) -> None:
    session = everything.sessions.of_role(estate.second.workspace, "nobody", ())
    visitor = VisitingClient(estate.http, everything.sessions, session)
    before, wrong = await state_of(estate.deployment), {}
    for method, path in operations(estate):
        url = url_of(path, estate.own)
        reply = await (visitor.get(url) if method == "GET" else visitor.send(url))
        if (reply.status_code == 403) is ((method, path) in ANYBODY):
            wrong[method, path] = reply.status_code
    assert not wrong
    assert changes(before, await state_of(estate.deployment)) == ""


async def test_no_form_of_another_site_or_session_does_anything(estate: Estate, everything: VisitingClient) -> None:
    before, wrong = await state_of(estate.deployment), {}
    for method, path in operations(estate):
        if method == "GET":
            continue
        url = url_of(path, estate.own)
        replies = [await everything.send(url, token) for token in ("", "0" * 64)]
        foreign = await estate.http.post(
            url,
            data={"form_token": everything.sessions.form_token(everything.session.id if everything.session else "")},
            headers={**everything._headers(), "Origin": "https://evil.example"},
        )
        if foreign.status_code != 403 or any(reply.status_code not in (403, 415) for reply in replies):
            wrong[path] = [reply.status_code for reply in (*replies, foreign)]
    assert not wrong
    assert changes(before, await state_of(estate.deployment)) == ""


async def test_nothing_of_another_workspace_is_there(estate: Estate, everything: VisitingClient) -> None:
    before, wrong = await state_of(estate.deployment, without=estate.second.workspace), {}
    names = {estate.first.secret, *(value for name, value in estate.first.values.items() if name != "version")}
    for method, path in operations(estate):
        if path not in EXAMPLES:
            continue
        theirs, nobodys = url_of(path, estate.theirs), url_of(path, estate.nobodys())
        ask = everything.get if method == "GET" else everything.send
        replies = [await ask(url) for url in (theirs, nobodys)]
        codes = [reply.status_code for reply in replies]
        text = replies[0].text.replace(theirs, "")
        if codes[0] != codes[1] or codes[0] >= 500 or any(name in text for name in names if name not in theirs):
            wrong[method, path] = codes
    assert not wrong
    after = await state_of(estate.deployment, without=estate.second.workspace)
    assert changes(before, after) == ""
