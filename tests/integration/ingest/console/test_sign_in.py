"""Who gets in, for how long, and from where."""

from __future__ import annotations

import httpx
import pytest

from services.ingest.accounts.workspaces import Made
from services.ingest.settings import Settings
from shared.contracts.entities import Kind
from shared.mongo.entities import Entities
from tests.fixtures.console import VisitingClient, is_led_to_sign_in, signed_in, words
from tests.fixtures.deployment import eventually
from tests.integration.ingest.conftest import Door, make_workspace, open_door, send

pytestmark = pytest.mark.asyncio(loop_scope="module")
ORIGIN = {"Origin": "http://posthorn"}
PAGE = "/console/messages"


async def sign_in(door: Door, key: str, target: str = PAGE, **headers: str) -> httpx.Response:
    form = {"key": key, "next": target}
    reply = await door.http.post("/console/sign-in", data=form, headers={**ORIGIN, **headers})
    door.http.cookies.clear()  # the module's tests share the client
    return reply


async def visitor(door: Door, key: str | None = None) -> VisitingClient:
    settings = door.deployment.settings(Settings)
    return await signed_in(door.http, door.deployment.database("ingest"), settings, key or door.key)


async def key_with(door: Door, *scopes: str, workspace: Made | None = None) -> str:
    made = await door.workspaces.create_api_key((workspace or door.workspace).id, "narrow", scopes)
    assert made.secret is not None
    return made.secret


async def test_a_key_opens_a_session_whose_cookie_no_script_reads(tenant: Door) -> None:
    reply = await sign_in(tenant, tenant.key, "/console/messages?status=bounced")
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/messages?status=bounced")
    cookie = reply.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))
    page = await tenant.http.get(PAGE, headers={"Cookie": reply.headers["set-cookie"].partition(";")[0]})
    assert page.status_code == 200
    assert "Messages" in words(page)


async def test_over_https_the_cookie_is_bound_to_the_host(tenant: Door) -> None:
    async with open_door(tenant.deployment, public_url="https://posthorn.example") as door:
        reply = await sign_in(door, door.key)
        cookie = reply.headers["set-cookie"]
        assert cookie.startswith("__Host-posthorn=")
        assert "secure" in cookie.lower()
        assert "domain=" not in cookie.lower()


@pytest.mark.parametrize("key", ["", "nonsense", "ph_live_" + "a" * 36])
async def test_what_is_no_key_opens_nothing(tenant: Door, key: str) -> None:
    reply = await sign_in(tenant, key)
    assert reply.status_code == 401
    assert "posthorn=" not in reply.headers.get("set-cookie", "")
    assert "not valid" in words(reply) or "needed" in words(reply)


async def test_without_a_session_every_page_leads_to_the_sign_in_and_back(tenant: Door) -> None:
    reply = await tenant.http.get("/console/messages?status=bounced&q=a%40b")
    assert is_led_to_sign_in(reply)
    assert "next=%2Fconsole%2Fmessages%3Fstatus%3Dbounced%26q%3Da%2540b" in reply.headers["location"]
    part = await tenant.http.get(PAGE, headers={"HX-Request": "true", "HX-Current-URL": "http://posthorn/console"})
    assert part.status_code == 401
    assert part.headers["hx-redirect"] == "/console/sign-in?next=%2Fconsole"


async def test_a_session_that_was_there_before_is_left_behind(tenant: Door) -> None:
    """Session fixation: a cookie that somebody else put into the browser is not the one that is signed in."""
    planted = (await visitor(tenant)).sessions
    session = planted.of_role("w-foreign", "mallory", ("email.history",))
    reply = await sign_in(tenant, tenant.key, Cookie=f"posthorn={planted.seal(session)}")
    sealed = reply.headers["set-cookie"].partition("=")[2].partition(";")[0]
    opened = planted.open(sealed)
    assert opened is not None
    assert opened.id != session.id
    assert opened.workspace_id == tenant.workspace.id


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=["origin", "opaque", "fetch metadata"],
)
async def test_another_site_signs_nobody_in_and_presses_nothing(tenant: Door, headers: dict[str, str]) -> None:
    form = {"key": tenant.key, "next": PAGE}
    assert (await tenant.http.post("/console/sign-in", data=form, headers=headers)).status_code == 403
    client = await visitor(tenant)
    assert client.session is not None
    token = client.sessions.form_token(client.session.id)
    reply = await tenant.http.post(
        "/console/sign-out", data={"form_token": token}, headers={**client._headers(), **headers}
    )
    assert reply.status_code == 403


async def test_a_form_without_its_sessions_token_is_refused(tenant: Door) -> None:
    client = await visitor(tenant)
    other = await visitor(tenant)
    assert other.session is not None
    for token in ("", "0" * 64, other.sessions.form_token(other.session.id)):
        assert (await client.send("/console/sign-out", token)).status_code == 403
    assert (await client.send("/console/sign-out")).status_code == 303


async def test_signing_out_takes_the_cookie_away(tenant: Door) -> None:
    reply = await (await visitor(tenant)).send("/console/sign-out")
    assert reply.headers["location"] == "/console/sign-in"
    assert 'posthorn=""' in reply.headers["set-cookie"]
    assert "max-age=0" in reply.headers["set-cookie"].lower()


async def test_a_session_ends_when_its_key_is_revoked(tenant: Door) -> None:
    key = await key_with(tenant, "email.history")
    client = await visitor(tenant, key)
    assert (await client.get(PAGE)).status_code == 200
    entities = Entities(tenant.deployment.database("ingest"))
    assert client.session is not None
    assert client.session.key_id is not None
    found = await entities.get(Kind.API_KEY, client.session.key_id)
    assert found is not None
    await entities.put(Kind.API_KEY, found.id, found.workspace_id, found.data, deleted=True)

    async def is_out() -> bool:
        return is_led_to_sign_in(await client.get(PAGE))

    await eventually(is_out, what="the end of the session")


async def test_a_key_without_the_scope_sees_no_page_of_it(tenant: Door) -> None:
    client = await visitor(tenant, await key_with(tenant, "suppressions"))
    reply = await client.get(PAGE)
    assert reply.status_code == 403
    assert "email.history" in words(reply)


async def test_another_workspaces_message_is_not_there(tenant: Door) -> None:
    (sent,) = (await tenant.post(send())).json()["data"]["messages"]
    assert (await (await visitor(tenant)).get(f"{PAGE}/{sent['uuid']}")).status_code == 200
    _, other_key = await make_workspace(tenant.workspaces)
    reply = await (await visitor(tenant, other_key)).get(f"{PAGE}/{sent['uuid']}")
    assert reply.status_code == 404
    assert sent["uuid"] not in reply.text


async def test_every_page_is_under_a_policy_that_lets_nothing_foreign_in(tenant: Door) -> None:
    reply = await (await visitor(tenant)).get(PAGE)
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script>" not in reply.text
    assert " style=" not in reply.text
    assert " onclick" not in reply.text
