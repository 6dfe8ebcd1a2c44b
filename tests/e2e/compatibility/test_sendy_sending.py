"""Sendy: the six endpoints, their envelope and their errors (seed 004)."""

from __future__ import annotations

import uuid

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.scoped_keys import bare_workspace, client_of, key_with
from tests.e2e.compatibility.sendy_caller import BATCH, EMAILS, FORM, SEND, code_of, data_of, email, posted, welcome
from tests.e2e.test_doors import received


async def test_each_of_the_six_endpoints_needs_its_permission(account: Account) -> None:
    id_ = (await posted(account, fresh("ok"), scheduled_at="2026-12-31T00:00:00Z"))["id"]
    sender, reader = await key_with(account, "email.send"), await key_with(account, "email.history")
    async with client_of(account, sender["key"]) as sending, client_of(account, reader["key"]) as reading:
        for allowed, other in ((sending, reading), (reading, sending)):
            calls = [
                (sending, "POST", SEND, {"json": welcome(fresh("ok"))}),
                (sending, "POST", FORM, {"data": welcome(fresh("ok")), "files": {"f": b"x"}}),
                (sending, "POST", BATCH, {"json": {"emails": [welcome(fresh("ok"))]}}),
                (reading, "GET", EMAILS, {}),
                (reading, "GET", f"{EMAILS}/{id_}", {}),
                (sending, "DELETE", f"{EMAILS}/{id_}", {}),
            ]
            for client, method, path, more in calls:
                if client is allowed:
                    assert (await allowed.request(method, path, **more)).status_code == 200, path
                    assert code_of(await other.request(method, path, **more)) == (403, "FORBIDDEN"), path


async def test_without_a_sender_nothing_can_be_sent(account: Account) -> None:
    _, key = await bare_workspace(account, "email.send", "email.history")
    async with client_of(account, key) as client:
        assert code_of(await client.post(SEND, json=welcome(fresh("ok")))) == (422, "SMTP_NOT_CONFIGURED")
        form = {"to": fresh("ok"), "subject": "x", "text": "y"}
        assert code_of(await client.post(FORM, data=form, files={"f": b"x"})) == (422, "SMTP_NOT_CONFIGURED")
        (failed,) = data_of(await client.post(BATCH, json={"emails": [welcome(fresh("ok"))]}))
        assert (failed["status"], failed["error"]["code"]) == ("failed", "SMTP_NOT_CONFIGURED")
        assert data_of(await client.get(EMAILS)) == []


async def test_a_send_is_answered_in_the_envelope(account: Account) -> None:
    to = fresh("ok")
    reply = await account.http.post(SEND, json=welcome(to))
    id_ = reply.json()["data"]["id"]
    assert (reply.status_code, reply.json()) == (
        200,
        {
            "success": True,
            "data": {"id": id_, "status": "queued", "to": to, "subject": "Welcome!", "scheduled_at": None},
        },
    )
    assert str(uuid.UUID(id_)) == id_


async def test_all_that_a_send_names_is_in_the_mail_and_the_rest_is_ignored(account: Account) -> None:
    to, copied, blind = fresh("ok"), fresh("ok"), fresh("ok")
    more = {"text": "Hello", "from": f"Shop <{account.sender}>", "reply_to": "help@shop.example", "priority": "high"}
    made = await posted(account, to, cc=copied, bcc=[blind], headers={"X-Correlation-ID": "7"}, smtp_id=3, **more)
    for recipient in (to, copied, blind):
        mail = await received(account, recipient)
        assert (str(mail["from"]), mail["to"], mail["cc"], mail["bcc"]) == (
            f"Shop <{account.sender}>",
            to,
            copied,
            None,
        )
        assert (mail["reply-to"], mail["x-correlation-id"]) == ("help@shop.example", "7")
        assert mail.get_body(("plain",)).get_content().strip() == "Hello"
        assert mail.get_body(("html",)).get_content().strip() == "<p>Hello</p>"
    assert made["to"] == to


async def test_every_fault_of_a_request_is_told_by_its_field(account: Account) -> None:
    reply = await account.http.post(SEND, json={"to": ["nobody"], "html": 7})
    assert code_of(reply) == (422, "VALIDATION_ERROR")
    details = reply.json()["error"]["details"]
    assert {(each["field"], each["code"]) for each in details} == {
        ("to.0", "invalid_address"), ("subject", "required"), ("html", "wrong_type"),
    }  # fmt: skip
    assert all(each.keys() == {"field", "code", "message"} for each in details)


async def test_unknown_paths_methods_bodies_and_keys_are_answered_in_the_shape(account: Account) -> None:
    http, plain = account.http, {"Content-Type": "text/plain"}
    assert code_of(await http.get("/api/v1/nothing/here")) == (404, "NOT_FOUND")
    assert code_of(await http.post("/api/v1/emails/send/later", json={})) == (404, "NOT_FOUND")
    for method, path, allow in (("PUT", SEND, "POST"), ("POST", EMAILS, "GET"), ("PATCH", f"{EMAILS}/x", "GET")):
        refused = await http.request(method, path, json={})
        assert code_of(refused) == (405, "METHOD_NOT_ALLOWED")
        assert allow in refused.headers["allow"]
    assert code_of(await http.post(SEND, content=b"{", headers={"Content-Type": "application/json"})) == (
        400, "BAD_REQUEST",
    )  # fmt: skip
    assert code_of(await http.post(SEND, content=b"{}", headers=plain)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert code_of(await http.post(FORM, json={})) == (415, "UNSUPPORTED_MEDIA_TYPE")
    for key in (None, "nonsense"):
        async with client_of(account, key) as client:
            for path in (f"{EMAILS}?limit=1000", f"{EMAILS}/x", "/api/v1/tracking/x", "/api/v1/stats?from_date=x"):
                assert code_of(await client.get(path)) == (401, "UNAUTHORIZED")
            assert code_of(await client.post(SEND, content=b"{")) == (401, "UNAUTHORIZED")


async def test_an_email_of_another_workspace_is_not_there(account: Account, stranger: Account) -> None:
    id_ = (await posted(account, to := fresh("ok")))["id"]
    for method, path in (("GET", f"{EMAILS}/{id_}"), ("DELETE", f"{EMAILS}/{id_}"), ("GET", f"/api/v1/tracking/{id_}")):
        assert code_of(await stranger.http.request(method, path)) == (404, "NOT_FOUND")
        assert code_of(await account.http.request(method, f"{path[:-4]}0000")) == (404, "NOT_FOUND")
    assert data_of(await stranger.http.get(EMAILS, params={"to": to})) == []
    assert (await email(account, id_))["to"] == to


async def test_over_the_rate_limit_is_429_in_the_shape(account: Account) -> None:
    key = await key_with(account, "email.history", rate_limit=1)
    async with client_of(account, key["key"]) as client:
        assert (await client.get(EMAILS)).status_code == 200
        refused = await client.get(EMAILS)
    assert code_of(refused) == (429, "RATE_LIMIT_EXCEEDED")
    assert int(refused.headers["retry-after"]) >= 1
