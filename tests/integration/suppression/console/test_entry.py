"""One entry: its evidence, its removal, and what is left of it."""

from __future__ import annotations

import httpx
import pytest

from shared.contracts.topics import EVENTS
from tests.fixtures.console import VisitingClient, notice, signed_in, words
from tests.fixtures.deployment import eventually
from tests.integration.suppression.conftest import URL, Suppressing, a_bounce, post
from tests.integration.suppression.console.conftest import SignIn

PAGE = "/console/suppressions"


async def added(http: httpx.AsyncClient, suppressing: Suppressing, **fields: str) -> str:
    key = await suppressing.key("w1", "suppressions", "admin")
    return str((await post(http, key, **fields)).json()["data"]["uuid"])


async def test_what_mail_taught_is_told_with_its_evidence(suppressing: Suppressing) -> None:
    bounce = a_bounce("ann@b.example")
    async with suppressing.running("http", "check", sweep_seconds=0.1) as http:
        key = await suppressing.key("w1", "suppressions")
        await suppressing.publish(EVENTS, bounce)

        async def learned() -> list[dict[str, str]]:
            found: list[dict[str, str]] = (await http.get(URL, headers=key)).json()["data"]
            return found

        (entry,) = await eventually(learned, what="the bounce to be learned")
        database = suppressing.deployment.database("suppression")
        secret = key["authorization"].removeprefix("Bearer ")
        visitor = await signed_in(http, database, suppressing.settings, secret)
        reply = await visitor.get(f"{PAGE}/{entry['uuid']}")
    said = words(reply)
    for expected in ("No such mailbox", "550 5.1.1 no such user", "Learned from mail", "invalid recipient"):
        assert expected in said
    assert f'href="/console/messages/{bounce.message_id}"' in reply.text


async def test_an_entry_is_removed_with_a_reason_and_its_history_stays(
    http: httpx.AsyncClient, answering: Suppressing, visitor: VisitingClient
) -> None:
    id_ = await added(http, answering, email="ann@b.example", reason="a typing error")
    reply = await visitor.send(f"{PAGE}/{id_}/remove", reason="has a new mailbox")
    assert (reply.status_code, reply.headers["location"]) == (303, f"{PAGE}/{id_}")
    assert "Removed" in (notice(reply, visitor) or "")
    page = await visitor.get(f"{PAGE}/{id_}")
    said = words(page)
    assert "Removed suppression" in said
    assert "has a new mailbox" in said
    assert "ann@b.example" not in said
    assert f"{PAGE}/{id_}/remove" not in page.text
    removals = words(await visitor.get(f"{PAGE}/removals"))
    assert "Manual All mail has a new mailbox the key k" in removals
    assert "has a new mailbox" in words(await visitor.get(f"{PAGE}/removals", email="Ann@b.example"))
    assert "Nothing was removed" in words(await visitor.get(f"{PAGE}/removals", email="bob@b.example"))
    assert (await visitor.send(f"{PAGE}/{id_}/remove")).status_code == 404


async def test_only_an_admin_who_says_why_removes_a_complaint(
    http: httpx.AsyncClient, answering: Suppressing, visitor: VisitingClient, sign_in: SignIn
) -> None:
    id_ = await added(http, answering, email="ann@b.example", type="complaint")
    other = await sign_in("suppressions")
    page = await other.get(f"{PAGE}/{id_}")
    assert "Only a key with the scope admin may remove it" in words(page)
    assert f"{PAGE}/{id_}/remove" not in page.text
    refused = await other.send(f"{PAGE}/{id_}/remove", reason="because")
    assert refused.status_code == 403
    silent = await visitor.send(f"{PAGE}/{id_}/remove", reason="  ")
    assert silent.status_code == 422
    about = silent.text.partition('id="reason-about">')[2].partition("</p>")[0]
    assert "why an entry of type complaint is removed" in about
    stored = answering.deployment.database("suppression")["suppressions"]
    assert await stored.count_documents({"standing.reason": "complaint"}) == 1
    assert (await visitor.send(f"{PAGE}/{id_}/remove", reason="asked again")).status_code == 303
    assert await stored.count_documents({"standing": {"$exists": True}}) == 0


async def test_an_entry_that_has_ended_says_so(
    http: httpx.AsyncClient, answering: Suppressing, visitor: VisitingClient
) -> None:
    id_ = await added(http, answering, email="ann@b.example", expires_at="2090-01-01T00:00:00Z")
    stored = answering.deployment.database("suppression")["suppressions"]
    await stored.update_one({"public_id": id_}, [{"$set": {"standing.until": "$first_seen"}}])
    page = await visitor.get(f"{PAGE}/{id_}")
    assert "it has ended" in words(page)
    assert f"{PAGE}/{id_}/remove" not in page.text


@pytest.mark.parametrize("id_", ["nonsense", "00000000-0000-5000-8000-000000000000"])
async def test_what_is_not_there_is_404(visitor: VisitingClient, id_: str) -> None:
    assert (await visitor.get(f"{PAGE}/{id_}")).status_code == 404
    assert (await visitor.send(f"{PAGE}/{id_}/remove", reason="x")).status_code == 404
