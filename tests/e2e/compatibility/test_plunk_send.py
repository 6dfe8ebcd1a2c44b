"""Plunk's `POST /v1/send`: its fields, one by one, and its reply."""

from __future__ import annotations

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.plunk_calls import TIME, UUID, error_of, letter, mail, post, send


async def test_a_send_with_a_secret_key_is_accepted_and_arrives(account: Account) -> None:
    to = fresh("ok")
    assert len(await send(account, to=to)) == 1
    message = await mail(account, to)
    assert (message["subject"], message["to"], message["from"]) == ("Your code", to, account.sender)
    assert message.get_body(("html",)).get_content().strip() == "<p>482910</p>"  # type: ignore[union-attr]


async def test_the_reply_names_each_contact_and_email(account: Account) -> None:
    to = fresh("ok")
    reply = await post(account, to=to)
    body = reply.json()
    assert (reply.status_code, set(body), set(body["data"])) == (200, {"success", "data"}, {"emails", "timestamp"})
    assert body["success"] is True
    assert TIME.fullmatch(body["data"]["timestamp"])
    (email,) = body["data"]["emails"]
    assert (set(email), set(email["contact"])) == ({"contact", "email"}, {"id", "email"})
    assert email["contact"]["email"] == to
    assert UUID.fullmatch(email["contact"]["id"])
    assert (await account.email(email["email"]))["contact_id"] == email["contact"]["id"]


async def test_to_is_a_string_an_object_or_an_array_of_both(account: Account) -> None:
    one, two, three = fresh("ok"), fresh("ok"), fresh("ok")
    jane, john = {"name": "Jane Doe", "email": two}, {"name": "John", "email": three}
    assert (await letter(account, to=one))["to"] == [one]
    assert (await letter(account, to=jane))["to"] == [f"Jane Doe <{two}>"]
    emails = await send(account, to=[one, john])
    assert [each["contact"]["email"] for each in emails] == [one, three]
    said = [(await account.get(f"/v1/emails/{each['email']}/content"))["to"] for each in emails]
    assert said == [[one], [f"John <{three}>"]]


async def test_subject_and_body_take_variables_with_fallbacks(account: Account) -> None:
    text = "{{firstName}} {{lastName ?? 'Doe'}} {{firstName ?? 'nobody'}}"
    said = await letter(account, subject=text, body=f"<p>{text}</p>", data={"firstName": "Jane"})
    assert (said["subject"], said["html"]) == ("Jane Doe Jane", "<p>Jane Doe Jane</p>")


async def test_from_is_a_string_or_an_object_and_its_own_name_wins(account: Account) -> None:
    async def seen(**fields: object) -> str:
        return str((await letter(account, **fields))["from"])

    address = account.sender
    assert await seen() == address
    assert await seen(**{"from": {"name": "Your App", "email": address}}) == f"Your App <{address}>"
    assert await seen(name="Your App") == f"Your App <{address}>"
    both = {"from": {"name": "Your App", "email": address}, "name": "Other"}
    assert await seen(**both) == f"Your App <{address}>"
    error = error_of(await post(account, **{"from": "ceo@elsewhere.example"}), 422, "VALIDATION_ERROR")
    assert [(each["field"], each["code"]) for each in error["errors"]] == [("from", "sender_not_verified")]


async def test_reply_is_the_reply_to_address(account: Account) -> None:
    assert (await letter(account, reply="help@acme.example"))["reply_to"] == "help@acme.example"


async def test_headers_are_a_flat_object_and_are_sent(account: Account) -> None:
    to = fresh("ok")
    await send(account, to=to, headers={"X-Campaign-ID": "welcome-flow"})
    assert (await mail(account, to))["x-campaign-id"] == "welcome-flow"
    error = error_of(await post(account, headers={"X-Campaign-ID": {"id": 5}}), 422, "VALIDATION_ERROR")
    (told,) = error["errors"]
    assert (told["field"], told["received"]) == ("headers.X-Campaign-ID", "object")
