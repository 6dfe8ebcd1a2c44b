"""What the sender does not begin: what a host has said no to already, and what no command or line can hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.sender.smtp.connections import Connections
from services.sender.smtp.conversation import deliver
from services.sender.smtp.outcomes import BounceClass, Bounced, Delivered, Failed
from services.sender.smtp.peers import TlsContexts
from tests.fixtures.scripted_smtp import ScriptedServer
from tests.integration.sender.attempts import envelope, opened, outcome_with, transaction


async def test_a_message_over_the_announced_size_is_not_sent(pool: Callable[..., Connections]) -> None:
    outcome, server = await outcome_with(pool, extensions=("SIZE 10",))
    assert isinstance(outcome, Bounced)
    assert (outcome.code, outcome.enhanced, outcome.class_) == (552, "5.3.4", BounceClass.MESSAGE_TOO_LARGE)
    assert server.session.verbs == ["EHLO", "QUIT"]


async def test_smtputf8(contexts: TlsContexts) -> None:
    utf8 = envelope(rcpt_to="jörg@example.test", smtputf8=True)
    async with ScriptedServer() as server, opened(server, contexts) as connection:
        outcome = await deliver(connection, transaction(envelope=utf8))
    assert isinstance(outcome, Bounced)
    assert (outcome.code, outcome.enhanced, outcome.suppresses) == (553, "5.6.7", False)
    async with ScriptedServer(extensions=("SMTPUTF8",)) as server, opened(server, contexts) as connection:
        assert isinstance(await deliver(connection, transaction(envelope=utf8)), Delivered)
    assert server.session.commands[1].endswith("> SMTPUTF8")


@pytest.mark.parametrize("address", ["a@b.test>\r\nRCPT TO:<c@d.test", "a@b.test> SIZE=1", "a\0@b.test"])
async def test_nothing_can_be_smuggled_into_a_command(contexts: TlsContexts, address: str) -> None:
    async with ScriptedServer() as server, opened(server, contexts) as connection:
        for changes in ({"rcpt_to": address}, {"mail_from": address}):
            assert isinstance(await deliver(connection, transaction(envelope=envelope(**changes))), Failed)
    assert server.session.verbs == ["EHLO", "QUIT"]


@pytest.mark.parametrize(
    "message",
    [b"Subject: x\r\n\r\nx", b"\r\nx\n.\r\n", b"\r\nx\r.\r\n", b"\r\n\0\r\n", b"\r\n" + b"x" * 999 + b"\r\n"],
)
async def test_a_message_with_broken_lines_is_our_own_fault(contexts: TlsContexts, message: bytes) -> None:
    async with ScriptedServer() as server, opened(server, contexts) as connection:
        with pytest.raises(ValueError, match=r"line|bare"):
            await deliver(connection, transaction(message=message))
    assert server.session.verbs == ["EHLO", "QUIT"]
