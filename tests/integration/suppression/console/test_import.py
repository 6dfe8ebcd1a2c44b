"""Files sent by the form: what they come to, how far they are, and what is wrong with them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from shared.tokens import uuid7
from tests.fixtures.console import VisitingClient, words
from tests.fixtures.deployment import eventually
from tests.integration.suppression.conftest import URL, Suppressing
from tests.integration.suppression.console.conftest import send_file

PAGE = "/console/suppressions/imports"
FILE = b"email,type,note\nann@b.example,complaint,by phone\nno address,,\n\nbob@b.example,,<script>alert(1)</script>\n"


async def entries(http: httpx.AsyncClient, answering: Suppressing) -> dict[str, dict[str, str]]:
    key = await answering.key("w1", "suppressions")
    found = (await http.get(URL, params={"per_page": 100}, headers=key)).json()["data"]
    return {each["email"]: each for each in found}


async def test_a_file_is_imported_and_its_page_says_what_it_came_to(
    http: httpx.AsyncClient, answering: Suppressing, visitor: VisitingClient
) -> None:
    form = await visitor.get(PAGE)
    id_ = form.text.partition(f'action="{PAGE}/')[2].partition('"')[0]
    reply = await send_file(visitor, f"{PAGE}/{id_}", FILE, where="stream:billing", reason="from the old system")
    assert (reply.status_code, reply.headers["location"]) == (303, f"{PAGE}/{id_}")
    said = words(await visitor.get(f"{PAGE}/{id_}"))
    assert "Imported, but for the faulty lines" in said
    assert "3 rows" in said
    assert "added 2" in said
    assert "faulty 1" in said
    assert "3 This is not a valid e-mail address" in said
    found = await entries(http, answering)
    assert {email: (each["type"], each["stream"], each["origin"]) for email, each in found.items()} == {
        "ann@b.example": ("complaint", "billing", "import"),
        "bob@b.example": ("manual", "billing", "import"),
    }
    again = await send_file(visitor, f"{PAGE}/{id_}", FILE, where="stream:billing")
    assert again.status_code == 303
    assert "there already 2" in words(await visitor.get(f"{PAGE}/{id_}"))


async def test_the_pages_script_is_led_on(visitor: VisitingClient) -> None:
    id_ = uuid7()
    asked = {"HX-Request": "true"}
    reply = await send_file(visitor, f"{PAGE}/{id_}", FILE, headers=asked)
    assert (reply.status_code, reply.headers["hx-redirect"]) == (200, f"{PAGE}/{id_}")
    refused = await send_file(visitor, f"{PAGE}/{uuid7()}", FILE, headers=asked, where="domain:foreign.example.")
    assert refused.headers["hx-redirect"]  # the file's page says why
    part = await send_file(visitor, f"{PAGE}/{uuid7()}", None, headers=asked)
    assert part.status_code == 422
    assert "<html" not in part.text
    assert "Choose a CSV file." in words(part)


async def test_faults_of_the_form_stand_at_their_fields_and_nothing_is_stored(
    answering: Suppressing, visitor: VisitingClient
) -> None:
    for data, changed, field, detail in (
        (None, {}, "file", "Choose a CSV file."),
        (FILE, {"type": "erasure"}, "type", "Input should be"),
        (FILE, {"where": "stream:gossip"}, "where", "Input should be"),
        (FILE, {"reason": "x" * 501}, "reason", "at most 500 characters"),
    ):
        reply = await send_file(visitor, f"{PAGE}/{uuid7()}", data, **changed)
        assert reply.status_code == 422
        assert detail in reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]
    for name in ("suppressions", "imports"):
        assert await answering.deployment.database("suppression")[name].count_documents({}) == 0


async def test_a_file_without_addresses_says_so(visitor: VisitingClient) -> None:
    id_ = uuid7()
    reply = await send_file(visitor, f"{PAGE}/{id_}", b"name,age\n" + b"ann,7\n" * 100_000)
    assert reply.status_code == 303
    said = words(await visitor.get(f"{PAGE}/{id_}"))
    assert "Not imported to its end" in said
    assert "names no column `email`" in said


async def test_how_far_a_file_is_shows_while_it_comes(
    http: httpx.AsyncClient, answering: Suppressing, visitor: VisitingClient
) -> None:
    """The form's body halts in the middle of the file until the page has told what came before."""
    id_ = uuid7()
    token = visitor.sessions.form_token(visitor.session.id) if visitor.session else ""
    head = f'--b\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n{token}\r\n'
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\n'
    rows = [f"u{number}@b.example\n" for number in range(1_500)]

    async def said() -> str:
        reply = await visitor.get(f"{PAGE}/{id_}")
        return words(reply) if reply.status_code == 200 else ""

    async def halfway() -> bool:
        return "Importing: 999 rows so far , 49 % of the file" in await said()  # the first of a thousand is the header

    async def body() -> AsyncIterator[bytes]:
        yield (head + file + "".join(rows)).encode()
        await eventually(halfway, what="the first thousand of rows to be told")
        yield b"last@b.example\n\r\n--b--\r\n"

    size = round(len("email\n" + "".join(rows)) / 0.495)
    kind = {"content-type": "multipart/form-data; boundary=b", "content-length": str(size)}
    reply = await http.post(f"{PAGE}/{id_}", content=body(), headers={**visitor._headers(), **kind})
    assert reply.status_code == 303
    assert "1 501 rows" in await said()
    stored = answering.deployment.database("suppression")["suppressions"]
    assert await stored.count_documents({"standing.origin": "import"}) == 1_501


async def test_a_connection_that_breaks_is_told_and_what_came_before_stays(
    http: httpx.AsyncClient, answering: Suppressing, visitor: VisitingClient
) -> None:
    id_ = uuid7()
    token = visitor.sessions.form_token(visitor.session.id) if visitor.session else ""
    body = (
        f'--b\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n{token}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\n'
    ) + "".join(f"u{number}@b.example\n" for number in range(1_500))
    kind = {"content-type": "multipart/form-data; boundary=b"}
    await http.post(f"{PAGE}/{id_}", content=body.encode(), headers={**visitor._headers(), **kind})
    said = words(await visitor.get(f"{PAGE}/{id_}"))
    assert "Not imported to its end" in said
    assert "What came before stays" in said
    stored = answering.deployment.database("suppression")["suppressions"]
    assert await stored.count_documents({"standing.origin": "import"}) >= 999


async def test_an_import_that_fell_silent_says_so(answering: Suppressing, visitor: VisitingClient) -> None:
    id_ = uuid7()
    await send_file(visitor, f"{PAGE}/{id_}", FILE)
    imports = answering.deployment.database("suppression")["imports"]
    silent = {"state": "running", "at": {"$subtract": ["$at", 120_000]}}
    await imports.update_one({"_id": id_}, [{"$set": silent}])
    assert "broken off" in words(await visitor.get(f"{PAGE}/{id_}"))
