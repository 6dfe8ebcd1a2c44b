"""Who may see suppression's pages and press their buttons."""

from __future__ import annotations

import httpx
import pytest

from shared.tokens import uuid7
from tests.fixtures.console import VisitingClient, is_led_to_sign_in, words
from tests.integration.suppression.conftest import Suppressing, post
from tests.integration.suppression.console.conftest import SignIn, send_file

PAGE = "/console/suppressions"
OPEN = ("", ".csv", "/add", "/imports", "/removals")
OF_ADMINS = ("/erasures", "/erasures/person")
NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("path", [*OPEN, *OF_ADMINS, f"/{NOWHERE}", f"/erasures/{NOWHERE}"])
async def test_without_a_session_every_page_leads_to_the_sign_in(visitor: VisitingClient, path: str) -> None:
    visitor.session = None
    assert is_led_to_sign_in(await visitor.get(f"{PAGE}{path}"))


async def test_without_the_scope_nothing_opens(sign_in: SignIn) -> None:
    visitor = await sign_in("email.history")
    for path in (*OPEN, *OF_ADMINS, f"/{NOWHERE}", f"/erasures/{NOWHERE}", f"/imports/{NOWHERE}"):
        assert (await visitor.get(f"{PAGE}{path}")).status_code == 403, path
    assert (await visitor.get("/console/people/suppressions.json", address="ann@b.example")).status_code == 403
    for path in ("/add", f"/{NOWHERE}/remove", "/erasures"):
        assert (await visitor.send(f"{PAGE}{path}", email="ann@b.example")).status_code == 403, path
    assert (await send_file(visitor, f"{PAGE}/imports/{uuid7()}", b"ann@b.example\n")).status_code == 403


async def test_erasures_are_for_admins_and_the_list_is_not(sign_in: SignIn) -> None:
    visitor = await sign_in("suppressions")
    assert "Erasures" not in words(await visitor.get(PAGE))
    for path in OF_ADMINS:
        refused = await visitor.get(f"{PAGE}{path}")
        assert refused.status_code == 403
        assert "admin" in words(refused)
    asked = await visitor.send(f"{PAGE}/erasures", email="ann@b.example", sure="yes")
    assert asked.status_code == 403


@pytest.mark.parametrize("token", ["", "0" * 64])
async def test_a_form_without_its_sessions_token_does_nothing(
    visitor: VisitingClient, answering: Suppressing, token: str
) -> None:
    for path in ("/add", f"/{NOWHERE}/remove", "/erasures"):
        assert (await visitor.send(f"{PAGE}{path}", token, email="ann@b.example", sure="yes")).status_code == 403
    refused = await send_file(visitor, f"{PAGE}/imports/{uuid7()}", b"ann@b.example\n", token)
    assert refused.status_code == 403
    elsewhere = {"Origin": "https://evil.example"}
    foreign = await send_file(visitor, f"{PAGE}/imports/{uuid7()}", b"ann@b.example\n", headers=elsewhere)
    assert foreign.status_code == 403
    database = answering.deployment.database("suppression")
    for name in ("suppressions", "erasures", "imports"):
        assert await database[name].count_documents({}) == 0


async def test_nothing_of_another_workspace_is_there(
    http: httpx.AsyncClient, answering: Suppressing, visitor: VisitingClient, sign_in: SignIn
) -> None:
    key = await answering.key("w1", "suppressions", "admin")
    id_ = (await post(http, key, email="ann@b.example")).json()["data"]["uuid"]
    erasure = (await http.post("/v1/erasures", json={"email": "bob@b.example"}, headers=key)).json()["id"]
    import_id = uuid7()
    await send_file(visitor, f"{PAGE}/imports/{import_id}", b"cleo@b.example\n")
    paths = (f"/{id_}", f"/imports/{import_id}", f"/erasures/{erasure}", f"/erasures/{erasure}/certificate.json")
    other = await sign_in("suppressions", "admin", workspace_id="w2")
    for path in paths:
        assert (await visitor.get(f"{PAGE}{path}")).status_code == 200, path
        assert (await other.get(f"{PAGE}{path}")).status_code == 404, path
    assert (await other.send(f"{PAGE}/{id_}/remove", reason="x")).status_code == 404
    assert (await send_file(other, f"{PAGE}/imports/{import_id}", b"x@b.example\n")).status_code == 404
    said = words(await other.get(PAGE, search="ann@b.example"))
    assert "Mail goes to ann@b.example" in said
