"""The sender before mail servers that others wrote: Debian's Postfix, with postgrey behind it, and Debian's Exim."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import dkim
import pytest

from shared.content import COLLECTION, Attachment, Content, to_document
from shared.contracts.messages import Message
from shared.dkim_keys import txt_record
from shared.mail.compose import compose
from shared.tokens import uuid7
from tests.fixtures.mail_hosts.exim import Exim
from tests.fixtures.mail_hosts.mailbox import Mailbox
from tests.fixtures.mail_hosts.place import certificate, folder
from tests.fixtures.mail_hosts.postfix import MAILBOXES, Postfix, install
from tests.fixtures.mail_hosts.postgrey import Postgrey
from tests.fixtures.own_ports import own_ports
from tests.integration.sender.world import World

DOMAIN = "example.test"
LARGEST = 200 * 1024
PORTS = own_ports(21600)
POSTFIX = (
    MAILBOXES
    + """myhostname = mx.postfix.example
message_size_limit = {largest}
smtpd_tls_security_level = may
smtpd_tls_chain_files = {certificate}
smtpd_restriction_classes = greylisting
greylisting = check_policy_service inet:127.0.0.1:{postgrey}
smtpd_recipient_restrictions = reject_unauth_destination,
  check_recipient_access inline:{{{{grey@{domain} = greylisting}}}}
"""
)
FILE = bytes(range(256)) * 400
MAILS: dict[str, dict[str, Any]] = {
    "dots and long lines": {
        "text": ".\r\n..\r\n. a dot\r\n" + "long " * 300 + "\r\ntrailing blanks  \t \r\n\r\n\r\n",
        "html": None,
    },
    "names and words of the world": {
        "from_": "Bücher für alle <no-reply@acme.example>",
        "to": [f"Jörg Müßig <someone@{DOMAIN}>", f"日本 <other@{DOMAIN}>"],
        "subject": "Ihre Bestellung: Grüße aus 東京 " * 6,
        "html": "<p>Schöne Grüße</p>",
    },
    "a file": {
        "attachments": [
            Attachment(
                blob_id="b1", size=len(FILE), digest=hashlib.sha256(FILE).hexdigest(), data=FILE,
                filename="Rechnung für März.pdf", content_type="application/pdf",
            )
        ],
    },
    "an address that is not ASCII": {"to": [f"jörg@{DOMAIN}"]},
}  # fmt: skip


class MailHost(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True)
class Running:
    """A mail server, where it listens, and the one Maildir that all its mail goes into."""

    port: int
    inbox: Path


@pytest.fixture(scope="module")
def postfix() -> Iterator[Running]:
    if os.geteuid() != 0:
        pytest.skip("Postfix's master starts as root only")
    install()
    with folder("postfix") as base, folder("postgrey") as beside:
        postgrey = Postgrey(beside, PORTS + 1)
        values = {"domain": DOMAIN, "base": base, "largest": LARGEST, "postgrey": PORTS + 1}
        instance = Postfix(base, PORTS, POSTFIX.format(**values, certificate=certificate(base)))
        (base / "mail").mkdir()
        shutil.chown(base / "mail", "mail", "mail")
        postgrey.start()
        try:
            instance.start()
            yield Running(PORTS, base / "mail" / "inbox")
            instance.stop()
        finally:
            postgrey.stop()


@pytest.fixture(scope="module")
def exim() -> Iterator[Running]:
    if os.geteuid() != 0:
        pytest.skip("Exim takes a configuration of its own from root only")
    with folder("exim") as base:
        instance = Exim(base, PORTS + 2, DOMAIN, certificate(base), LARGEST)
        instance.start()
        yield Running(PORTS + 2, instance.inbox)
        instance.stop()


@pytest.fixture(params=["postfix", "exim"])
def host(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


async def stored(world: World, **changes: Any) -> Content:
    """A content in the store."""
    fields: dict[str, Any] = {
        "content_id": uuid7(),
        "workspace_id": "w1",
        "from_": "Acme <no-reply@acme.example>",
        "to": [f"someone@{DOMAIN}"],
        "subject": "Your code",
        "text": "Your code is 482910",
        "html": "<p>Your code is 482910</p>",
        "expires_at": datetime.now(UTC) + timedelta(days=1),
    }
    content = Content(**{**fields, **changes})
    await world.deployment.database("content")[COLLECTION].insert_one(to_document(content))
    return content


async def mail_for(world: World, host: Running, content: Content, recipient: str = f"someone@{DOMAIN}") -> Message:
    size = sum(blob.size for blob in content.blobs()) + len(content.text or "")
    route = world.route(host.port)
    return await world.message(recipient, content_id=content.content_id, size=size, route=route)


def body_of(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[2]


async def test_each_message_arrives_as_it_was_signed(world: World, host: Running) -> None:
    contents = {name: await stored(world, **changes) for name, changes in MAILS.items()}
    messages = {
        name: await mail_for(world, host, content, content.to[0] if "ASCII" in name else f"someone@{DOMAIN}")
        for name, content in contents.items()
    }
    async with world.sender():
        await world.clear(*messages.values())
        said = {name: (await world.events(message, "delivered"))[-1] for name, message in messages.items()}
    arrived = {
        id_: raw
        for raw in await Mailbox(host.inbox).messages(len(messages))
        for id_, message in messages.items()
        if message.message_id.encode() in raw
    }
    assert arrived.keys() == messages.keys()
    key = txt_record(world.public_key).encode()
    for name, raw in arrived.items():
        message = messages[name]
        assert dkim.verify(raw, dnsfunc=lambda *_, **__: key), name
        sent = compose(contents[name], message_id=message.message_id, date=message.due_at)
        assert body_of(raw) == body_of(sent), name
        assert said[name].data["tls"]["version"] == "TLSv1.3"


async def test_a_message_over_the_announced_size_is_not_begun(world: World, host: Running) -> None:
    large = Attachment(
        blob_id="b2",
        size=LARGEST,
        digest="",
        data=os.urandom(LARGEST),
        filename="large",
        content_type="application/pdf",
    )
    message = await mail_for(world, host, await stored(world, attachments=[large]))
    async with world.sender():
        await world.clear(message)
        (event,) = await world.events(message, "bounced")
    assert (event.data["code"], event.data["enhanced"]) == (552, "5.3.4")
    assert event.data["class"] == "message_too_large"
    assert event.data["transcript"][-1]["stage"] == "ehlo"


async def test_one_conversation_takes_many(world: World, host: Running) -> None:
    content = await stored(world)
    messages = [await mail_for(world, host, content) for _ in range(30)]
    async with world.sender():
        await world.clear(*messages)
        said = [(await world.events(message, "delivered"))[-1] for message in messages]
    greetings = [event for event in said if any(step["stage"] == "banner" for step in event.data["transcript"])]
    assert 1 <= len(greetings) <= 10


async def test_what_is_greylisted_goes_at_the_next_attempt(world: World, postfix: Running) -> None:
    message = await mail_for(world, postfix, await stored(world), f"grey@{DOMAIN}")
    async with world.sender(greylist_delays=[1.2]):
        await world.clear(message)
        (deferred,) = await world.events(message, "deferred")
        assert (deferred.data["class"], deferred.data["stage"]) == ("greylisted", "rcpt")
        (again,) = await world.returned()
        await world.clear(again.with_changes(route=message.route, verdict=message.verdict))
        await world.events(message, "deferred", "delivered")


async def test_a_refusal_of_the_recipients_domain_is_no_bounce_of_the_address(world: World, host: Running) -> None:
    message = await mail_for(world, host, await stored(world), "someone@elsewhere.test")
    async with world.sender():
        await world.clear(message)
        (event,) = await world.events(message, "deferred")
    assert (event.data["stage"], event.data["class"]) == ("rcpt", "routing_dns")
