"""Attachments and tracking of Plunk's `POST /v1/send`, and its SMTP."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from base64 import b64encode
from email.message import EmailMessage

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.plunk_calls import error_of, mail, post, send


def file(size: int = 4, **changes: object) -> dict[str, object]:
    content = b64encode(b"%PDF" + b"x" * (size - 4)).decode()
    return {"filename": "invoice.pdf", "content": content, "contentType": "application/pdf"} | changes


async def test_attachments_have_a_filename_base64_content_and_a_type(account: Account) -> None:
    to = fresh("ok")
    await send(account, to=to, attachments=[file()])
    (attached,) = (await mail(account, to)).iter_attachments()
    assert attached.get_filename() == "invoice.pdf"
    assert (attached.get_content_type(), attached.get_content()) == ("application/pdf", b"%PDF")  # type: ignore[attr-defined]
    for name in ("filename", "content", "contentType"):
        short = {other: value for other, value in file().items() if other != name}
        error = error_of(await post(account, attachments=[short]), 422, "VALIDATION_ERROR")
        assert [each["field"] for each in error["errors"]] == [f"attachments.0.{name}"]


async def test_at_most_ten_attachments_of_ten_megabytes_together(account: Account) -> None:
    await send(account, attachments=[file()] * 10)
    half = 5 * 1024 * 1024
    for refused in ([file()] * 11, [file(half), file(half + 1)]):
        error = error_of(await post(account, attachments=refused), 422, "VALIDATION_ERROR")
        assert [each["field"] for each in error["errors"]] == ["attachments"]
    await send(account, attachments=[file(half), file(half)])


async def test_a_request_over_the_whole_limit_is_refused(account: Account) -> None:
    error = error_of(await post(account, body="x" * (16 * 1024 * 1024)), 413, "PAYLOAD_TOO_LARGE")
    assert [each["field"] for each in error["errors"]] == ["body"]


async def test_tracking_is_a_choice_for_each_email(account: Account) -> None:
    body = '<body><a href="https://shop.test/">shop</a></body>'
    tracked, plain = fresh("ok"), fresh("ok")
    await send(account, to=tracked, body=body, tracking=True)
    await send(account, to=plain, body=body, tracking=False)
    followed, left = [(await mail(account, to)).get_body(("html",)).get_content() for to in (tracked, plain)]  # type: ignore[union-attr]
    assert "/t/c/" in followed
    assert "/t/o/" in followed
    assert left.strip() == body


async def test_smtp_takes_the_user_plunk_with_the_secret_key_on_both_ports(account: Account) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, ports = account.home["smtp"]["host"], account.stack.ports

    def submit(client: smtplib.SMTP, to: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = account.sender, to, "Over SMTP"
        message.set_content("482910")
        client.login("plunk", account.home["api_key"])
        client.send_message(message)

    def over_starttls(to: str) -> None:
        with smtplib.SMTP(host, ports["smtp"], timeout=20) as client:
            client.starttls(context=context)
            submit(client, to)

    def over_tls(to: str) -> None:
        with smtplib.SMTP_SSL(host, ports["smtps"], timeout=20, context=context) as client:
            submit(client, to)

    for way in (over_starttls, over_tls):
        to = fresh("ok")
        await asyncio.to_thread(way, to)
        assert (await mail(account, to))["subject"] == "Over SMTP"
