"""Leadpush's SMTP relay: https://leadpush.io/docs/smtp."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage

import pytest

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.leadpush_client import arrived
from tests.fixtures.deployment import eventually


def submit(account: Account, user: str, password: str, message: EmailMessage | None) -> None:
    """Logs in with AUTH LOGIN over TLS, as the page's swaks example does, and sends the message if there is one."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP(account.home["smtp"]["host"], account.home["smtp"]["port"], timeout=20) as client:
        client.starttls(context=context)
        client.ehlo()
        client.user, client.password = user, password
        client.auth("LOGIN", client.auth_login)
        if message is not None:
            client.send_message(message)


def a_message(account: Account, to: str, html: str = "", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = account.sender, to, "Code"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(html or "482910", subtype="html" if html else "plain")
    return message


async def sent(account: Account, message: EmailMessage) -> None:
    smtp = account.home["smtp"]
    await asyncio.to_thread(submit, account, smtp["user"], smtp["password"], message)


async def test_credentials_are_one_workspace_s_shown_once_and_end_when_deleted(
    account: Account, stranger: Account
) -> None:
    made = [await account.make("/v1/smtp-credentials", name=f"mailer {number}") for number in range(2)]
    assert made[0]["user"] != made[1]["user"]
    first, second = made
    for path in ("/v1/smtp-credentials?limit=100", f"/v1/smtp-credentials/{first['id']}"):
        shown = (await account.http.get(path)).text
        assert first["user"] in shown
        assert first["password"] not in shown
    to = fresh("ok")
    await asyncio.to_thread(submit, account, first["user"], first["password"], a_message(account, to))
    assert (await arrived(account, to))["from"] == account.sender
    foreign = a_message(stranger, to)
    with pytest.raises(smtplib.SMTPSenderRefused):
        await asyncio.to_thread(submit, account, first["user"], first["password"], foreign)
    assert (await stranger.http.delete(f"/v1/smtp-credentials/{first['id']}")).status_code == 404
    assert (await account.http.delete(f"/v1/smtp-credentials/{first['id']}")).status_code == 204

    async def is_shut() -> bool:
        try:
            await asyncio.to_thread(submit, account, first["user"], first["password"], None)
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code == 535
        return False

    await eventually(is_shut, what="the deleted credential is refused")
    await asyncio.to_thread(submit, account, second["user"], second["password"], None)


async def test_the_tag_header_tags_the_message_and_is_taken_out(account: Account) -> None:
    for written, tag in (("sign-in", "sign-in"), ('"two words"', "two words"), ("Ünï/code=1", "Ünï/code=1")):
        to = fresh("ok")
        await sent(account, a_message(account, to, X_Leadpush_Tag=written))
        assert (await arrived(account, to))["x-leadpush-tag"] is None

        async def tags(to: str = to) -> list[str]:
            found = await account.http.get("/v1/emails", params={"recipient": to})
            return found.json()["data"][0]["tags"] if found.json()["data"] else []

        assert await eventually(tags, seconds=30, what=f"the tag {tag}") == [tag]


async def test_the_tracking_header_says_what_is_tracked_and_is_taken_out(account: Account) -> None:
    html = '<p><a href="https://shop.test/">shop</a></p>'
    asked = {"all": (True, True), "opens": (True, False), "clicks": (False, True), "none": (False, False)}
    for value, expected in {**asked, "nonsense": (True, True)}.items():
        to = fresh("ok")
        await sent(account, a_message(account, to, html, X_Leadpush_Tracking=value))
        mail = await arrived(account, to)
        body = mail.get_content()
        assert ("/t/o/" in body, "/t/c/" in body, mail["x-leadpush-tracking"]) == (*expected, None), value


async def test_without_the_tracking_header_the_workspace_s_default_holds(account: Account) -> None:
    html = '<p><a href="https://shop.test/">shop</a></p>'
    to = fresh("ok")
    await sent(account, a_message(account, to, html))
    body = (await arrived(account, to)).get_content()
    assert ("https://shop.test/" in body, "/t/o/" in body) == (True, False)
