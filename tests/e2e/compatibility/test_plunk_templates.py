"""Templates in Plunk's `POST /v1/send`: defaults that a request overrides, and types that say who gets them."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.plunk_calls import error_of, letter, post, send
from tests.fixtures.deployment import eventually

FROM_TEMPLATE: dict[str, Any] = {"subject": ..., "body": ..., "from": ...}


async def template(account: Account, **fields: Any) -> str:
    body = {"name": "Welcome", "subject": "Hi {{firstName ?? 'there'}}", "html": "<p>{{code}}</p>"} | fields
    return str((await account.make("/v1/templates", **body))["id"])


async def why_suppressed(account: Account, message_id: str) -> str:
    """The reason, as soon as the timeline has it."""

    async def told() -> list[dict[str, Any]]:
        return await account.steps(message_id, "suppressed")

    (step,) = await eventually(told, seconds=30, what=f"the reason of {message_id}")
    return str(step["data"]["reason"])


async def test_a_template_stands_in_for_what_the_request_does_not_say(account: Account) -> None:
    id_ = await template(account, **{"from": account.sender, "from_name": "Acme", "reply_to": "help@acme.example"})
    said = await letter(account, template=id_, data={"code": 7}, **FROM_TEMPLATE)
    assert [said[name] for name in ("subject", "html", "from", "reply_to")] == [
        "Hi there", "<p>7</p>", f"Acme <{account.sender}>", "help@acme.example",
    ]  # fmt: skip


async def test_what_the_request_says_overrides_the_template(account: Account) -> None:
    id_ = await template(account, **{"from": account.sender, "from_name": "Acme", "reply_to": "help@acme.example"})
    own = {"subject": "Own", "body": "<p>own</p>", "name": "Mine", "reply": "me@acme.example"}
    said = await letter(account, template=id_, **own)
    assert [said[name] for name in ("subject", "html", "from", "reply_to")] == [
        "Own", "<p>own</p>", f"Mine <{account.sender}>", "me@acme.example",
    ]  # fmt: skip


async def test_a_template_that_is_not_there_is_told(account: Account, stranger: Account) -> None:
    theirs = await template(stranger)
    for id_ in ("nonsense", theirs):
        error = error_of(await post(account, template=id_), 404, "TEMPLATE_NOT_FOUND")
        assert error["details"] == {"resource": "Template", "id": id_}


async def test_only_marketing_templates_are_kept_from_the_unsubscribed(account: Account) -> None:
    ids = [await template(account, type=kind) for kind in ("marketing", "transactional", "headless")]
    emails = [(await send(account, template=id_, **FROM_TEMPLATE))[0]["email"] for id_ in ids]
    told = await asyncio.gather(*(account.reaches(id_, "suppressed", "delivered") for id_ in emails))
    assert [each["status"] for each in told] == ["suppressed", "delivered", "delivered"]
    assert await why_suppressed(account, emails[0]) == "unsubscribed"


async def test_a_marketing_template_goes_to_the_subscribed(account: Account) -> None:
    id_ = await template(account, type="marketing")
    (email,) = await send(account, template=id_, subscribed=True, **FROM_TEMPLATE)
    await account.reaches(email["email"], "delivered")


async def test_a_marketing_message_is_not_sent_again_to_who_has_unsubscribed(account: Account) -> None:
    to, id_ = fresh("ok"), await template(account, type="marketing")
    (email,) = await send(account, to=to, template=id_, subscribed=True, **FROM_TEMPLATE)
    await account.reaches(email["email"], "delivered")
    await send(account, to=to, subscribed=False)
    reply = await account.http.post(f"/v1/emails/{email['email']}/resend")
    assert reply.status_code == 202, reply.text
    again = reply.json()["data"]["messages"][0]["uuid"]
    await account.reaches(again, "suppressed")
    assert await why_suppressed(account, again) == "unsubscribed"
