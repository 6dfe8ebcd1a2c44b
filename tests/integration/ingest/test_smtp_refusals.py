"""What the SMTP door refuses, with which codes, and that nothing of it is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.contracts.entities import Kind
from shared.smtp.certificate import CertificateError
from tests.fixtures.deployment import eventually
from tests.integration.ingest.conftest import SENDER, Door, make_workspace
from tests.integration.ingest.smtp_door import MAIL, MESSAGE, RCPT, SmtpDoor, encoded, open_smtp, plain

# what has been taken for the end of a message by some server or other, and what may stand behind it
ENDS = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CR": b"\r.\r",
    "CR.LF": b"\r.\n",
    "CRLF.CR": b"\r\n.\r",
    "LF.CR": b"\n.\r",
    "CRLF NUL .CRLF": b"\r\n\0.\r\n",
    "CR.CRLF": b"\r.\r\n",
}
pytestmark = pytest.mark.asyncio(loop_scope="module")
SMUGGLED = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<victim@example.test>\r\nDATA\r\n".encode() + MESSAGE


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smtp(module_door: Door, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SmtpDoor]:
    async with open_smtp(module_door, tmp_path_factory.mktemp("smtp")) as opened:
        yield opened


@pytest.mark.parametrize("name", ENDS)
async def test_nothing_else_ends_a_message(smtp: SmtpDoor, name: str) -> None:
    async with smtp.talk() as talk:
        await talk.begin()
        talk.send(MESSAGE + ENDS[name] + SMUGGLED + b".\r\n")
        assert await talk.hear() == "550 5.6.11"
        assert await talk.ask("NOOP") == "250 2.0.0", "one reply, and the conversation goes on"
    assert await smtp.sends_nothing()


@pytest.mark.parametrize("piece", [b"a\rb", b"a\nb", b"a\0b", b"\r", b"\n", b"\0"])
async def test_bare_cr_lf_and_nul_are_refused(smtp: SmtpDoor, piece: bytes) -> None:
    async with smtp.talk() as talk:
        assert await talk.deliver(MESSAGE + piece + b"\r\n") == "550 5.6.11"
        assert await talk.deliver(MESSAGE.replace(b"code", piece)) == "550 5.6.11"
    assert await smtp.sends_nothing()


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\r\r\n", b"NO\0OP\r\n", MAIL.encode() + b"\n"])
async def test_a_command_ends_in_crlf(smtp: SmtpDoor, line: bytes) -> None:
    async with smtp.talk() as talk:
        talk.send(line)
        assert await talk.hear() == "500 5.5.2"
        assert await talk.is_closed()


async def test_what_follows_starttls_in_the_clear_is_not_obeyed(smtp: SmtpDoor) -> None:
    async with smtp.talk(tls=False) as talk:
        talk.send(b"STARTTLS\r\nEHLO injected.test\r\n")
        assert await talk.hear() == "503 5.5.1"
        assert await talk.is_closed()
    async with smtp.talk(login=False) as talk:
        assert await talk.ask("STARTTLS") == "503 5.5.1", "once is enough"


async def test_what_was_said_in_the_clear_is_forgotten_with_tls(smtp: SmtpDoor) -> None:
    async with smtp.talk(tls=False) as talk:
        await talk.start_tls()
        assert await talk.login(smtp.door.key) == "503 5.5.1", "EHLO comes first"


async def test_commands_in_advance_are_refused(smtp: SmtpDoor) -> None:
    async with smtp.talk() as talk:
        talk.send(f"{MAIL}\r\n{RCPT}\r\n".encode())
        assert await talk.hear() == "503 5.5.1"
        assert await talk.is_closed()
    async with smtp.talk() as talk:
        for command in (MAIL, RCPT):
            await talk.ask(command)
        talk.send(b"DATA\r\n" + MESSAGE + b".\r\n")
        assert await talk.hear() == "503 5.5.1"
    async with smtp.talk() as talk:
        await talk.begin()
        talk.send(MESSAGE + b".\r\n" + SMUGGLED + b".\r\n")
        assert await talk.hear() == "503 5.5.1"
        assert await talk.is_closed()
    assert await smtp.sends_nothing()


async def test_before_tls_there_is_no_login_and_no_mail(smtp: SmtpDoor) -> None:
    async with smtp.talk(tls=False) as talk:
        assert "AUTH" not in talk.said
        assert "STARTTLS" in talk.said
        assert await talk.login(smtp.door.key) == "538 5.7.11"
        assert await talk.ask(f"AUTH LOGIN {encoded('app')}") == "538 5.7.11"
        for command in (MAIL, RCPT, "DATA", "VRFY a", "RSET", "HELP"):
            assert await talk.ask(command) == "530 5.7.0"
        assert await talk.ask("NOOP") == "250 2.0.0"
        assert await talk.ask("QUIT") == "221 2.0.0"
        assert await talk.is_closed()


async def test_nobody_relays(smtp: SmtpDoor) -> None:
    async with smtp.talk(login=False) as talk:
        for command in (MAIL, "MAIL FROM:<>", RCPT, "DATA", "VRFY jane"):
            assert await talk.ask(command) == "530 5.7.0"
    assert await smtp.sends_nothing()


async def test_a_wrong_password_is_refused_in_the_same_words_whoever_it_is_for(smtp: SmtpDoor) -> None:
    workspace, _ = await make_workspace(smtp.door.workspaces)
    reader = await smtp.door.workspaces.create_api_key(workspace.id, "reader", ["email.history"])
    said = set()
    for password in ("nobody", smtp.door.key[:-1] + "~", smtp.door.key.swapcase(), reader.secret):
        async with smtp.talk(login=False) as talk:
            assert await talk.ask(f"AUTH PLAIN {plain('app', password or '')}") == "535 5.7.8"
            said.add(talk.said)
    assert len(said) == 1


async def test_three_wrong_passwords_end_the_connection(smtp: SmtpDoor) -> None:
    async with smtp.talk(login=False) as talk:
        assert await talk.ask(f"AUTH PLAIN {plain('a', 'b')}") == "535 5.7.8"
        assert await talk.ask(f"AUTH LOGIN {encoded('a')}") == "334"
        assert await talk.ask(encoded("b")) == "535 5.7.8"
        assert await talk.ask(f"AUTH PLAIN {plain('a', 'b')}") == "421 4.7.0"
        assert await talk.is_closed()


async def test_auth_that_is_none(smtp: SmtpDoor) -> None:
    async with smtp.talk(login=False) as talk:
        assert await talk.ask("AUTH CRAM-MD5") == "504 5.5.4"
        assert await talk.ask("AUTH PLAIN ***") == "501 5.5.2"
        assert await talk.ask("AUTH LOGIN") == "334"
        assert await talk.ask("*") == "501 5.7.0"
        assert await talk.ask("AUTH PLAIN") == "334"
        assert await talk.ask(plain("app", smtp.door.key)) == "235 2.7.0"
        assert await talk.ask("AUTH PLAIN") == "503 5.5.1", "once is enough"


async def test_commands_out_of_order_and_unknown(smtp: SmtpDoor) -> None:
    async with smtp.talk() as talk:
        assert await talk.ask(RCPT) == "503 5.5.1"
        assert await talk.ask("DATA") == "503 5.5.1"
        assert await talk.ask(MAIL) == "250 2.1.0"
        assert await talk.ask(MAIL) == "503 5.5.1"
        assert await talk.ask("DATA") == "554 5.5.1"
        assert await talk.ask("EXPN list") == "502 5.5.1"
        assert await talk.ask("BDAT 10 LAST") == "502 5.5.1"
        assert await talk.ask("XCLIENT a") == "500 5.5.1"
        assert await talk.ask("") == "500 5.5.1"
        assert await talk.ask("RSET now") == "501 5.5.4"
        assert await talk.ask("EHLO") == "501 5.5.4"
        assert await talk.ask("VRFY jane") == "252 2.0.0"
        assert await talk.ask("HELP") == "214 2.0.0"
        talk.send(b"NOOP \xff\r\n")
        assert await talk.hear() == "500 5.5.2"


async def test_the_sender_is_the_workspaces_own(smtp: SmtpDoor) -> None:
    async with smtp.talk() as talk:
        assert await talk.ask("MAIL FROM:<someone@else.test>") == "550 5.7.1"
        assert await talk.ask("MAIL FROM:<>") == "553 5.1.7"
        assert await talk.deliver(MESSAGE.replace(SENDER.encode(), b"someone@else.test")) == "550 5.7.1"
        assert await talk.deliver(b"Sender: someone@else.test\r\n" + MESSAGE) == "550 5.7.1"
        assert await talk.deliver(MESSAGE.replace(b"From: ", b"From: someone@else.test, ")) == "550 5.6.0"
        assert await talk.deliver(b"From: someone@else.test\r\n" + MESSAGE) == "550 5.6.0"
    assert await smtp.sends_nothing()


async def test_recipients_are_addresses(smtp: SmtpDoor) -> None:
    async with smtp.talk() as talk:
        assert await talk.ask(MAIL) == "250 2.1.0"
        for address in ("", "nobody", "a@b@c.test", "@relay.test:a@b.test", "a%b.test", "a@[127.0.0.1]"):
            assert await talk.ask(f"RCPT TO:<{address}>") == "553 5.1.3"
        assert await talk.ask("RCPT TO:<zoë@example.test>") == "553 5.6.7"
        assert await talk.ask("RCPT TO:<a@b.test> NOTIFY=NEVER") == "555 5.5.4"
        assert await talk.ask("RCPT TO:a@b.test") == "501 5.5.4"


async def test_a_workspace_that_may_not_send_does_not(smtp: SmtpDoor) -> None:
    for change in ({"features": []}, {"owner_verified": False}):
        _, key = await smtp.new_sender(**change)
        async with smtp.talk(key=key) as talk:
            assert await talk.ask(MAIL) == "550 5.7.1"


async def test_a_revoked_key_ends_with_the_next_message(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    async with smtp.talk(key=key) as talk:
        assert await talk.deliver() == "250 2.0.0"
        entities = smtp.door.workspaces._entities
        [entity] = await entities.find(Kind.API_KEY, {"workspace_id": workspace.id})
        await entities.put(Kind.API_KEY, entity.id, workspace.id, entity.data, deleted=True)

        async def refused() -> bool:
            await talk.ask("RSET")
            return await talk.ask(MAIL) == "530 5.7.0"

        await eventually(refused)


async def test_addresses_outside_ascii_are_for_workspaces_that_may(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender(smtputf8=True)
    async with smtp.talk(key=key) as talk:
        await talk.begin(f"{MAIL} SMTPUTF8", "RCPT TO:<zoë@example.test>")
        talk.send(MESSAGE.replace(b"jane@", "zoë@".encode()) + b".\r\n")
        assert await talk.hear() == "250 2.0.0"
        assert await talk.ask(MAIL) == "250 2.1.0"
        assert await talk.ask("RCPT TO:<zoë@example.test>") == "553 5.6.7", "MAIL has to say so"
    [submission] = await smtp.stored(workspace.id)
    assert [(one["recipient"], one["type"]) for one in submission["messages"]] == [("zoë@example.test", "to")]


async def test_the_door_does_not_open_without_a_certificate(smtp: SmtpDoor) -> None:
    for file in (None, "/nowhere.pem"):
        service = create_app(smtp.door.deployment.settings(Settings, smtp_certificate_file=file), {"smtp"})
        with pytest.raises(CertificateError):
            async with service.run():
                pass
