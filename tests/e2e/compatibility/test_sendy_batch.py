"""Sendy: many e-mails by one call (seed 004)."""

from __future__ import annotations

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.sendy_caller import BATCH, EMAILS, code_of, data_of, email, welcome
from tests.e2e.test_doors import received


async def test_a_batch_has_the_variables_of_each_recipient_filled_in(account: Account) -> None:
    alice, bob = fresh("ok"), fresh("ok")
    reply = await account.http.post(
        BATCH,
        json={
            "subject": "Hello {{name}}",
            "html": "<p>Your code is {{code}}</p>",
            "recipients": [{"to": alice, "variables": {"name": "Alice", "code": "<1>"}}, {"to": bob}],
        },
    )
    one, two = data_of(reply)
    assert reply.json() == {
        "success": True,
        "data": [
            {"id": one["id"], "to": alice, "status": "queued"},
            {"id": two["id"], "to": bob, "status": "queued"},
        ],
        "meta": {"total": 2},
    }
    assert one["id"] != two["id"]
    for to, subject, code in ((alice, "Hello Alice", "&lt;1&gt;"), (bob, "Hello", "")):
        mail = await received(account, to)
        assert (mail["subject"].strip(), mail["to"]) == (subject, to)
        assert mail.get_body(("html",)).get_content().strip() == f"<p>Your code is {code}</p>"


async def test_of_a_batch_one_fails_alone(account: Account) -> None:
    good, other = fresh("ok"), fresh("ok")
    recipients = [{"to": good}, {"to": "nobody"}, {"to": other}]
    reply = await account.http.post(BATCH, json={"subject": "S", "text": "t", "recipients": recipients})
    first, failed, last = data_of(reply)
    assert reply.json()["meta"] == {"total": 3}
    assert [(each["to"], each["status"]) for each in (first, last)] == [(good, "queued"), (other, "queued")]
    assert failed.keys() == {"to", "status", "error"}
    assert (failed["to"], failed["status"], failed["error"]["code"]) == ("nobody", "failed", "VALIDATION_ERROR")
    assert [each["field"] for each in failed["error"]["details"]] == ["to.0"]
    assert (await email(account, last["id"]))["to"] == other


async def test_a_batch_may_be_of_emails_of_their_own(account: Account) -> None:
    emails = [welcome(fresh("ok"), subject=f"S{number}") for number in range(2)]
    made = data_of(await account.http.post(BATCH, json={"emails": emails}))
    for asked, each in zip(emails, made, strict=True):
        assert (await received(account, asked["to"]))["subject"] == asked["subject"]
        assert each["to"] == asked["to"]


async def test_a_batch_without_recipients_or_with_over_500_is_refused_whole(account: Account) -> None:
    to = fresh("ok")
    for recipients in ([], [{"to": to}] * 501, None):
        refused = await account.http.post(BATCH, json={"subject": "S", "text": "t", "recipients": recipients})
        assert code_of(refused) == (422, "VALIDATION_ERROR")
        assert refused.json()["error"]["details"][0]["field"] == "recipients"
    assert data_of(await account.http.get(EMAILS, params={"to": to})) == []
