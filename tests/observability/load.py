"""A small load of all that dashboards show: mail that arrives, waits, bounces and is stopped; doors, hooks, faults."""

from __future__ import annotations

import asyncio
import contextlib
import re
import smtplib
import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr

import httpx
from aiokafka import AIOKafkaProducer

from shared.contracts.events import EventType, event_of
from shared.contracts.record import rfc3339
from shared.contracts.topics import EVENTS, Lane, routed
from tests.e2e.account import Account, fresh, fresh_word
from tests.e2e.returned import answer_to, arrived, bring, bring_back
from tests.fixtures.messages import a_message

STREAMS = ("authentication", "billing")
BEHAVIOURS = ("ok", "ok", "ok", "tempfail", "greylist", "permfail", "drop-after-dot", "close-421")


async def vary(account: Account) -> None:
    """Sends some of everything once."""
    for stream in STREAMS:
        await asyncio.gather(*(account.send(fresh(each), stream=stream) for each in BEHAVIOURS))
    soon = rfc3339(datetime.now(UTC) + timedelta(seconds=2))
    await account.send(fresh("ok"), scheduled_at=soon)
    await account.send(f"someone@{fresh_word()}.example.com")  # RFC 2606: nobody, and the DNS is asked
    await account.http.post("/v1/emails", json={"from": account.sender})
    await account.http.post("/v1/emails", content=b"{")
    await asyncio.gather(_opened(account), _bounced(account), _answered(account))
    stopped = fresh("ok")
    await account.http.post("/v1/suppressions", json={"email": stopped, "reason": "manual"})
    await account.send(stopped)
    await asyncio.to_thread(_submit, account, str(account.home["smtp"]["password"]))
    with contextlib.suppress(smtplib.SMTPException):
        await asyncio.to_thread(_submit, account, "wrong")


async def break_things(account: Account) -> None:
    """What happens once: endpoints that fail, ask for a pause and are gone, a record that nobody can read and one of a
    newer version."""
    for path in ("", "/status/500", "/status/429", "/status/410"):
        await account.hook(path=path)
    event = event_of(a_message(), EventType.QUEUED, datetime.now(UTC), {}).encode()
    env = account.stack.env
    producer = AIOKafkaProducer(bootstrap_servers=env["POSTHORN_KAFKA_BOOTSTRAP"])
    await producer.start()
    try:
        for topic, value in ((routed(Lane.STANDARD), b"{"), (EVENTS, event.replace(b'"queued"', b'"praised"'))):
            await producer.send_and_wait(env["POSTHORN_TOPIC_PREFIX"] + topic, value, key=b"nobody")
    finally:
        await producer.stop()


async def _opened(account: Account) -> None:
    """Somebody's mail shows its picture."""
    to = fresh("ok")
    await account.send(to, html="<p>Hello</p>", tracking={"opens": True})
    _, mail = await arrived(account, to)
    body = mail.get_body(("html",))
    assert body is not None
    (seen,) = re.findall(r'src="(http[^"]+/t/o/[^"]+)"', body.get_content())
    async with httpx.AsyncClient() as reader:
        await reader.get(seen)


async def _bounced(account: Account) -> None:
    to = fresh("ok")
    await account.send(to)
    kept, _ = await arrived(account, to)
    await bring_back(account, "postfix-unknown", kept)


async def _answered(account: Account) -> None:
    to = fresh("ok")
    await account.send(to, reply_to=fresh("ok"), tracking={"replies": True})
    _, mail = await arrived(account, to)
    await bring(account, answer_to(mail, to, "Yes, please."), parseaddr(mail["reply-to"])[1], sender=to)


def _submit(account: Account, password: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = account.sender, fresh("ok"), "By SMTP"
    message.set_content("text")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    smtp = account.home["smtp"]
    with smtplib.SMTP(smtp["host"], smtp["port"], timeout=20) as client:
        client.starttls(context=context)
        client.login(smtp["user"], password)
        client.send_message(message)
