"""A small load of all that dashboards show: mail that arrives, waits, bounces and is stopped; doors, hooks, faults."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from aiokafka import AIOKafkaProducer

from shared.contracts.record import rfc3339
from shared.contracts.topics import Lane, routed
from tests.e2e.account import Account, fresh, fresh_word

STREAMS = ("authentication", "billing")
BEHAVIOURS = ("ok", "ok", "ok", "tempfail", "greylist", "permfail", "drop-after-dot")
DEAD_PORT = 9  # discard: nobody listens


async def vary(account: Account) -> None:
    """Sends some of everything once."""
    for stream in STREAMS:
        await asyncio.gather(*(account.send(fresh(each), stream=stream) for each in BEHAVIOURS))
    soon = rfc3339(datetime.now(UTC) + timedelta(seconds=2))
    await account.send(fresh("ok"), scheduled_at=soon)
    await account.send(f"someone@{fresh_word()}.example.com")  # RFC 2606: nobody, and the DNS is asked
    await account.http.post("/v1/emails", json={"from": account.sender})
    await account.http.post("/v1/emails", content=b"{")
    stopped = fresh("ok")
    await account.http.post("/v1/suppressions", json={"email": stopped, "reason": "manual"})
    await account.send(stopped)
    await asyncio.to_thread(_submit, account, str(account.home["smtp"]["password"]))
    with contextlib.suppress(smtplib.SMTPException):
        await asyncio.to_thread(_submit, account, "wrong")


async def break_things(account: Account) -> None:
    """What happens once: endpoints that fail, a transport that is away, a record that nobody can read."""
    await account.hook()
    await account.hook(path="/status/500")
    dead = await account.transport(DEAD_PORT, "away")
    await account.route(dead["id"], "direct")
    await asyncio.gather(*(account.send(fresh("ok")) for _ in range(8)))
    env = account.stack.env
    producer = AIOKafkaProducer(bootstrap_servers=env["POSTHORN_KAFKA_BOOTSTRAP"])
    await producer.start()
    try:
        await producer.send_and_wait(env["POSTHORN_TOPIC_PREFIX"] + routed(Lane.STANDARD), b"{", key=b"nobody")
    finally:
        await producer.stop()


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
