"""What Plunk's `POST /v1/send` does to contacts: created or changed, each recipient by itself."""

from __future__ import annotations

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.plunk_calls import contact, error_of, letter, mail, post, send


async def test_plain_data_is_kept_on_the_contact_for_later_emails(account: Account) -> None:
    to = fresh("ok")
    await send(account, to=to, data={"firstName": "Jane", "plan": "pro", "empty": ""})
    found = await contact(account, to)
    assert found
    assert found["attributes"] == {"email": to, "firstName": "Jane", "plan": "pro"}
    assert (await letter(account, to=to, subject="Hi {{firstName}}"))["subject"] == "Hi Jane"
    await send(account, to=to, data={"plan": None})
    assert ((await contact(account, to)) or {})["attributes"] == {"email": to, "firstName": "Jane"}


async def test_data_that_is_not_persistent_is_for_one_email(account: Account) -> None:
    to = fresh("ok")
    data = {"resetCode": {"value": "ABC123", "persistent": False}}
    assert (await letter(account, to=to, body="<b>{{resetCode}}</b>", data=data))["html"] == "<b>ABC123</b>"
    assert ((await contact(account, to)) or {})["attributes"] == {"email": to}
    assert (await letter(account, to=to, body="<b>{{resetCode ?? 'none'}}</b>"))["html"] == "<b>none</b>"


async def test_subscribed_is_set_where_it_is_said_else_stays_and_is_off_for_new_contacts(account: Account) -> None:
    to = fresh("ok")
    for given, expected in (({}, False), ({"subscribed": True}, True), ({}, True), ({"subscribed": False}, False)):
        await send(account, to=to, **given)
        assert ((await contact(account, to)) or {})["subscribed"] is expected, given


async def test_each_recipient_of_an_array_has_a_contact_variables_and_an_email_of_its_own(account: Account) -> None:
    known, new = fresh("ok"), fresh("ok")
    await account.make("/v1/contacts", attributes={"email": known, "firstName": "Jane"})
    emails = await send(account, to=[known, {"name": "John", "email": new}], subject="Hi {{firstName ?? 'friend'}}")
    assert len({each["email"] for each in emails}) == len({each["contact"]["id"] for each in emails}) == 2
    one, other = await mail(account, known), await mail(account, new)
    assert [(each["to"], each["subject"]) for each in (one, other)] == [
        (known, "Hi Jane"),
        (f"John <{new}>", "Hi friend"),
    ]
    john = await contact(account, new)
    assert john
    assert (john["uuid"], john["attributes"]) == (emails[1]["contact"]["id"], {"email": new, "name": "John"})


async def test_a_bad_recipient_refuses_the_whole_array_before_anything_is_sent(account: Account) -> None:
    good = fresh("ok")
    error = error_of(await post(account, to=[good, "nobody", {"name": "x"}]), 422, "VALIDATION_ERROR")
    assert [each["field"] for each in error["errors"]] == ["to.1", "to.2"]
    assert await contact(account, good) is None
    assert (await account.get(f"/v1/emails?recipient={good.replace('+', '%2B')}"))["data"] == []


async def test_variables_that_every_email_has(account: Account) -> None:
    to = fresh("ok")
    names = "{{id}} {{email}} {{subscribed}} {{locale}} {{data.firstName}}"
    data = {"firstName": "Jane", "locale": "fr", "id": "mine", "email": "mine", "subscribed": "mine"}
    (email,) = await send(account, to=to, subject=names, data=data, subscribed=True)
    said = await account.get(f"/v1/emails/{email['email']}/content")
    assert said["subject"] == f"{email['contact']['id']} {to} true fr Jane"
    urls = "".join(f'<a href="{{{{{name}}}}}">x</a>' for name in ("unsubscribeUrl", "subscribeUrl", "manageUrl"))
    other = fresh("ok")
    await send(account, to=other, body=urls)
    html = (await mail(account, other)).get_body(("html",)).get_content()  # type: ignore[union-attr]
    links = [part.partition('"')[0] for part in html.split('href="')[1:]]
    unsubscribe, subscribe, manage = links
    assert unsubscribe not in (subscribe, manage)
    for link in links:
        assert (await account.receiver.get(link)).status_code == 200, link


async def test_a_variable_without_a_value_renders_empty(account: Account) -> None:
    said = await letter(account, subject="a{{nothing}}b", body="<p>{{nothing}}</p>")
    assert (said["subject"], said["html"]) == ("ab", "<p></p>")


async def test_an_unsubscribed_contact_gets_transactional_mail_all_the_same(account: Account) -> None:
    to = fresh("ok")
    await send(account, to=to, subscribed=False)
    await mail(account, to)
    assert ((await contact(account, to)) or {})["subscribed"] is False
