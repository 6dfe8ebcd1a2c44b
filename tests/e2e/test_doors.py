"""Every way in, to the recipient's mail server on a whole stack: SMTP, the dialects, files, schedules, links."""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import httpx
from leadpush import AsyncLeadpush

from deploy.local.dkim_check import dkim_verifies
from shared.contracts.record import rfc3339
from tests.e2e.account import Account, fresh
from tests.fixtures.deployment import eventually


async def received(account: Account, recipient: str) -> Any:
    """The one message that came to a recipient, its signature verified."""

    async def there() -> list[dict[str, Any]]:
        return await account.mail(recipient)

    (kept,) = await eventually(there, seconds=30, what=f"mail for {recipient}")
    raw = kept["raw"].encode()
    assert dkim_verifies(raw, account.stack.env["POSTHORN_LOCAL_DNS"])
    return message_from_bytes(raw, policy=default)


async def test_a_mailer_s_message_arrives_as_it_was_made(account: Account) -> None:
    to, blind = fresh("ok"), fresh("ok")
    message = EmailMessage()
    message["From"], message["To"] = f"Übergröße <{account.sender}>", to
    message["Subject"], message["X-Posthorn-Tag"] = "Grüße", "sign-in"
    message.set_content("Grüß Gott\n.\n..\n")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="octet-stream", filename="ä.bin")

    def submit() -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        smtp = account.home["smtp"]
        with smtplib.SMTP(smtp["host"], smtp["port"], timeout=20) as client:
            client.starttls(context=context)
            client.login(smtp["user"], smtp["password"])
            client.send_message(message, to_addrs=[to, blind])

    await asyncio.to_thread(submit)
    for recipient in (to, blind):
        mail = await received(account, recipient)
        body, file = mail.iter_parts()
        assert (mail["subject"], str(mail["from"]), mail["x-posthorn-tag"], mail["bcc"]) == (
            "Grüße", f"Übergröße <{account.sender}>", None, None,
        )  # fmt: skip
        assert body.get_content().replace("\r\n", "\n") == "Grüß Gott\n.\n..\n"
        assert (file.get_filename(), file.get_content()) == ("ä.bin", b"\x00\x01")

    async def listed() -> list[dict[str, Any]]:
        path = f"/v1/emails?tag=sign-in&recipient={blind.replace('+', '%2B')}"
        return list((await account.get(path))["data"])

    (found,) = await eventually(listed, seconds=30, what="the message in the list")
    assert (found["type"], found["subject"]) == ("bcc", "Grüße")


async def test_a_large_file_of_a_form_arrives_whole(account: Account) -> None:
    to, data = fresh("ok"), bytes(range(256)) * 12_000
    fields = {"to": to, "subject": "Files", "text": "See attached."}
    reply = await account.http.post("/api/v1/emails/send/multipart", data=fields, files={"f": ("big.bin", data)})
    assert reply.status_code == 200, reply.text
    (file,) = (await received(account, to)).iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("big.bin", data)


async def test_each_tongue_is_understood(account: Account) -> None:
    broadcast, plunk, sendy, native = (fresh("ok") for _ in range(4))
    made = await account.make("/api/v1/transactionals.json", to=broadcast, subject="B", body="<p>b</p>")
    told = await account.http.post("/v1/send", json={"to": plunk, "subject": "P {{a}}", "body": "p", "data": {"a": 1}})
    sent = await account.http.post("/api/v1/emails/send", json={"to": sendy, "subject": "S", "text": "s"})
    async with AsyncLeadpush(account.home["api_key"], base_url=f"{account.home['base_url']}/v1") as leadpush:
        await leadpush.emails.send(from_address=account.sender, to=[native], subject="L", text="l")
    assert (told.status_code, sent.status_code) == (200, 200)
    subjects = [(await received(account, each))["subject"] for each in (broadcast, plunk, sendy, native)]
    assert subjects == ["B", "P 1", "S", "L"]

    async def is_sent() -> bool:
        shown = (await account.http.get(httpx.URL(made["status_url"]).path)).json()
        status = (await account.http.get(f"/api/v1/emails/{sent.json()['data']['id']}")).json()["data"]
        return bool(shown["sent_at"]) and status["unified_status"] == "delivered"

    await eventually(is_sent, seconds=30, what="both told as sent")


async def test_a_scheduled_message_goes_when_it_is_due_and_a_canceled_one_never(account: Account) -> None:
    goes, stays = fresh("ok"), fresh("ok")
    due = datetime.now(UTC) + timedelta(seconds=4)
    (one,) = await account.send(goes, scheduled_at=rfc3339(due))
    (other,) = await account.send(stays, scheduled_at=rfc3339(due))
    await account.reaches(one, "scheduled")
    assert (await account.http.delete(f"/v1/emails/{other}")).status_code == 200
    email = await account.reaches(one, "delivered")
    assert datetime.fromisoformat(email["delivered_at"]) >= due
    await account.reaches(other, "canceled")
    assert await account.attempts_to(stays) == 0


async def test_what_waits_for_a_retry_is_canceled_by_the_sender(account: Account) -> None:
    (id_,) = await account.send(fresh("tempfail"))
    await account.reaches(id_, "deferred")
    assert (await account.http.delete(f"/v1/emails/{id_}")).status_code == 202
    await account.reaches(id_, "canceled")


async def test_links_lead_where_they_were_meant_to_and_tell(account: Account) -> None:
    to = fresh("ok")
    html = '<p><a href="https://shop.test/?a=1">shop</a></p>'
    (id_,) = await account.send(to, html=html, tracking={"opens": True, "clicks": True}, unsubscribe_link=True)
    mail = await received(account, to)
    body = mail.get_body(("html",)).get_content()
    click = re.search(r'href="(http[^"]+/t/c/[^"]+)"', body)
    seen = re.search(r'src="(http[^"]+/t/o/[^"]+)"', body)
    assert click
    assert seen
    async with httpx.AsyncClient() as browser:
        led = await browser.get(click[1])
        assert (led.status_code, led.headers["location"]) == (302, "https://shop.test/?a=1")
        assert (await browser.get(seen[1])).headers["content-type"] == "image/gif"
        url = mail["list-unsubscribe"].strip("<>")
        assert (await browser.post(url, data={"List-Unsubscribe": "One-Click"})).status_code == 200

    async def is_told() -> bool:
        email = await account.email(id_)
        return all(email[name] for name in ("opened_at", "clicked_at", "unsubscribed_at"))

    await eventually(is_told, seconds=30, what="opened, clicked and unsubscribed")
    contact = await account.get(f"/v1/contacts/{to.replace('@', '%40').replace('+', '%2B')}")
    assert contact["data"]["subscribed"] is False


async def test_an_inline_image_is_shown_by_its_id(account: Account) -> None:
    to = fresh("ok")
    file = {"filename": "logo.png", "content": b64encode(b"png").decode(), "content_id": "logo"}
    await account.send(to, html='<img src="cid:logo">', attachments=[file])
    mail = await received(account, to)
    (image,) = [part for part in mail.walk() if part["content-id"] == "<logo>"]
    assert (image.get_content_disposition(), image.get_content()) == ("inline", b"png")
