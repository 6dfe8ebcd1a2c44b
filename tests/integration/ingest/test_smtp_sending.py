"""Messages through smtplib and Django's mailer, and what is stored of them."""

from __future__ import annotations

import asyncio
import email
import email.policy
import smtplib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio
from django.conf import settings as django_settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from prometheus_client import REGISTRY

from services.ingest.contacts.changes import ContactChange
from shared.content import Content, of_document
from shared.contracts.entities import Sender
from shared.contracts.messages import Message
from shared.mail.compose import compose
from tests.integration.ingest.conftest import SENDER, Door, contacts_of
from tests.integration.ingest.smtp_door import HOST, MAIL, MESSAGE, RCPT, SmtpDoor, open_smtp

pytestmark = pytest.mark.asyncio(loop_scope="module")
FILE = bytes(range(256)) * 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smtp(module_door: Door, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SmtpDoor]:
    async with open_smtp(module_door, tmp_path_factory.mktemp("smtp")) as opened:
        yield opened


def full_message() -> EmailMessage:
    """Non-ASCII in every place that a mailer has, an attachment, and options."""
    message = EmailMessage()
    message["From"] = f"Zoë Ärzte <{SENDER}>"
    message["To"] = "Jürgen <jane@example.test>"
    message["Cc"] = "cc@example.test"
    message["Bcc"] = "blind@example.test"
    message["Subject"] = "Ihre Bestellung über 10 €"
    message["X-Posthorn-Tag"] = "order"
    message["X-Posthorn-Stream"] = "security"
    message.set_content("Grüße\n.\n..ends with dots\n")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    message.add_attachment(FILE, maintype="application", subtype="octet-stream", filename="zwölf.bin")
    return message


def by_smtplib(smtp: SmtpDoor, *, implicit: bool, mechanism: str, key: str) -> smtplib.SMTP:
    if implicit:
        client: smtplib.SMTP = smtplib.SMTP_SSL(HOST, smtp.tls_port, context=smtp.context, timeout=20)
    else:
        client = smtplib.SMTP(HOST, smtp.port, timeout=20)
        client.starttls(context=smtp.context)
    client.ehlo_or_helo_if_needed()
    client.user, client.password = "any name", key
    objects: dict[str, Callable[..., Any]] = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login}
    client.auth(mechanism, objects[mechanism])
    return client


async def sent(smtp: SmtpDoor, workspace_id: str) -> tuple[dict[str, Any], Content]:
    """The one submission of a workspace, and its content as the sender reads it."""
    [submission] = await smtp.stored(workspace_id)
    return submission, of_document(await smtp.content_of(submission))


def recipients(submission: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["recipient"], one["type"]) for one in submission["messages"]]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
async def test_smtplib(smtp: SmtpDoor, mechanism: str, implicit: bool) -> None:
    workspace, key = await smtp.new_sender()
    message = full_message()

    def send() -> None:
        with by_smtplib(smtp, implicit=implicit, mechanism=mechanism, key=key) as client:
            assert client.send_message(message) == {}

    await asyncio.to_thread(send)
    submission, content = await sent(smtp, workspace.id)
    assert recipients(submission) == [
        ("jane@example.test", "to"), ("cc@example.test", "cc"), ("blind@example.test", "bcc"),
    ]  # fmt: skip
    assert (submission["door"], submission["lane"]) == ("smtp", "critical")
    assert submission["subject"] == "Ihre Bestellung über 10 €"
    record = Message.decode(submission["messages"][0]["record"])
    assert (record.sender, record.tags, record.stream) == (SENDER, ["order"], "security")
    assert content.raw is not None
    assert record.size == content.raw.size == len(content.raw.data or b"")
    composed = compose(content, message_id=record.message_id, date=datetime.now(UTC))
    assert_full(email.message_from_bytes(composed, policy=email.policy.default))
    for hidden in (b"blind@", b"X-Posthorn"):
        assert hidden not in composed


def assert_full(received: Any) -> None:
    assert received["From"].addresses[0].display_name == "Zoë Ärzte"
    assert received["To"].addresses[0].display_name == "Jürgen"
    assert received["Subject"] == "Ihre Bestellung über 10 €"
    assert received["Message-ID"].endswith("@acme.test>")
    assert received["Date"].datetime is not None
    assert received.get_body(("plain",)).get_content().splitlines() == ["Grüße", ".", "..ends with dots"]
    assert received.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    [attachment] = received.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("zwölf.bin", FILE)


async def test_djangos_mailer(smtp: SmtpDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    if not django_settings.configured:
        django_settings.configure(DEFAULT_CHARSET="utf-8", EMAIL_TIMEOUT=20)
    monkeypatch.setenv("SSL_CERT_FILE", str(smtp.ca_file))
    for implicit in (False, True):
        workspace, key = await smtp.new_sender()
        backend = EmailBackend(
            host=HOST, port=smtp.tls_port if implicit else smtp.port, username="django", password=key,
            use_tls=not implicit, use_ssl=implicit,
        )  # fmt: skip
        message = EmailMultiAlternatives(
            "Ihre Bestellung über 10 €", "Grüße", f"Zoë <{SENDER}>", ["Jürgen <jane@example.test>"],
            ["blind@example.test"], cc=["cc@example.test"], connection=backend, headers={"X-Leadpush-Tag": '"order"'},
        )  # fmt: skip
        message.attach_alternative("<p>Grüße</p>", "text/html")
        message.attach("zwölf.bin", FILE, "application/octet-stream")
        assert await asyncio.to_thread(message.send) == 1
        submission, content = await sent(smtp, workspace.id)
        assert [type_ for _, type_ in recipients(submission)] == ["to", "cc", "bcc"]
        assert Message.decode(submission["messages"][0]["record"]).tags == ["order"]
        assert content.raw is not None
        received: Any = email.message_from_bytes(content.raw.data or b"", policy=email.policy.default)
        assert received["Subject"] == submission["subject"] == "Ihre Bestellung über 10 €"
        assert received.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
        assert next(iter(received.iter_attachments())).get_content() == FILE


async def test_eight_bit_text_goes_on_in_seven_bits(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    body = "Grüße, 10 €\r\n".encode()
    header = f"From: {SENDER}\r\nSubject: Größe\r\n".encode()
    async with smtp.talk(key=key) as talk:
        await talk.begin(f"{MAIL} BODY=8BITMIME SIZE=100", RCPT)
        talk.send(header + b"\r\n" + body + b".\r\n")
        assert await talk.hear() == "250 2.0.0"
    submission, content = await sent(smtp, workspace.id)
    assert (submission["subject"], recipients(submission)) == ("Größe", [("jane@example.test", "bcc")])
    assert content.raw is not None
    raw = content.raw.data or b""
    assert raw.isascii()
    assert b"Content-Type: text/plain; charset=utf-8\r\n" in raw
    assert email.message_from_bytes(raw).get_payload(decode=True) == body


async def test_large_messages_and_many_on_one_connection(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    bodies = [b"".join(b"%d." % n + b"x" * 60 + b"\r\n" for n in range(count)) for count in (0, 1, 2000, 60_000)]
    async with smtp.talk(key=key) as talk:
        for body in bodies:
            assert await talk.deliver(MESSAGE + body) == "250 2.0.0"
    stored = [await smtp.raw_of(one) for one in await smtp.stored(workspace.id)]
    assert [raw.partition(b"482910\r\n")[2] for raw in stored] == bodies


async def test_recipients_are_unique_without_regard_to_case(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    addresses = ("JANE@example.test", "jane@Example.test", "two@example.test", "two@example.test")
    async with smtp.talk(key=key) as talk:
        await talk.begin(MAIL, *(f"RCPT TO:<{address}>" for address in addresses))
        talk.send(MESSAGE + b".\r\n")
        assert await talk.hear() == "250 2.0.0"
    submission, _ = await sent(smtp, workspace.id)
    assert recipients(submission) == [("JANE@example.test", "to"), ("two@example.test", "bcc")]


async def test_a_contacts_own_route_is_another_author(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    workspaces = smtp.door.workspaces
    route = await workspaces.create_sender(workspace.id, Sender(address="vip@acme.test", name="Zoë", verified=True))
    change = ContactChange("jane@example.test", delivery_route=route.id)
    await contacts_of(smtp.door).upsert_many(workspace.id, [change])
    async with smtp.talk(key=key) as talk:
        await talk.begin(MAIL, RCPT, "RCPT TO:<two@example.test>")
        talk.send(MESSAGE + b".\r\n")
        assert await talk.hear() == "250 2.0.0"
    [submission] = await smtp.stored(workspace.id)
    shown = {}
    for place, one in enumerate(submission["messages"]):
        raw = await smtp.raw_of(submission, place)
        shown[one["recipient"]] = (one["sender"], raw.splitlines()[0])
        assert raw.endswith(b"\r\n\r\n482910\r\n")
    assert shown == {
        "jane@example.test": ("vip@acme.test", b"From: =?utf-8?q?Zo=C3=AB?= <vip@acme.test>"),
        "two@example.test": (SENDER, f"From: {SENDER}".encode()),
    }


async def test_what_is_accepted_and_refused_is_counted_and_nothing_of_it_is_logged(
    smtp: SmtpDoor, capfd: pytest.CaptureFixture[str]
) -> None:
    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"posthorn_{name}_total", {**labels, "door": "smtp"}) or 0

    _, key = await smtp.new_sender()
    accepted, refused = counted("accepted", lane="standard"), counted("refused", code="invalid_message")
    async with smtp.talk(key=key) as talk:
        assert await talk.deliver() == "250 2.0.0"
        assert await talk.deliver(MESSAGE + b"482910\n\r\n") == "550 5.6.11"
    assert counted("accepted", lane="standard") == accepted + 1
    assert counted("refused", code="invalid_message") == refused + 1
    shown = "".join(capfd.readouterr())
    assert not any(secret in shown for secret in ("482910", "jane@", "Your code", key))


async def test_clients_that_trust_nobody_are_told_by_tls(smtp: SmtpDoor) -> None:
    def connect() -> None:
        smtplib.SMTP_SSL(HOST, smtp.tls_port, context=ssl.create_default_context(), timeout=20)

    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(connect)
