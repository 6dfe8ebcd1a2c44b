"""The return door as strangers find it: it knows its addresses and nobody else's, and nothing but the end ends mail."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from shared.smtp.dialogue import HARD_ERRORS
from tests.fixtures.deployment import eventually
from tests.fixtures.wire import Wire
from tests.integration.sender.return_door import FEEDBACK, ReturnWorld, calling, told
from tests.integration.sender.world import World
from tests.unit.sender.returns.corpus import raw


@pytest.fixture
async def returns(world: World) -> ReturnWorld:
    return ReturnWorld(world)


async def test_it_knows_nobody_but_whom_it_has_given_an_address(returns: ReturnWorld) -> None:
    message = await returns.world.message()
    ours = returns.bounce(message)
    other = ours.replace("b+a", "b+b", 1) if "b+a" in ours else "b+a" + ours[3:]
    strangers = [
        "someone@gmail.example",
        "postmaster@returns.posthorn.test",
        "b+@a.test",
        other,
        "",
        "replies" + ours[1:],
    ]
    async with returns.open("returns"), calling(returns.port) as caller:
        assert await caller.ask("RCPT TO:<a@b.test>") == "503 5.5.1"
        assert await caller.ask("EHLO mx.test") == "250"
        assert "PIPELINING" not in caller.said
        assert await caller.ask("MAIL FROM:<> SIZE=99999999") == "250 2.1.0"
        for stranger in strangers:
            assert await caller.ask(f"RCPT TO:<{stranger}>") == "550 5.1.1", stranger
        assert await caller.ask("DATA") == "554 5.5.1"
        for known in (ours, FEEDBACK):
            assert await caller.ask(f"RCPT TO:<{known}>") == "250 2.1.5"
        assert await caller.ask(f"RCPT TO:<{ours}> NOTIFY=NEVER") == "555 5.5.4"
        for _ in range(HARD_ERRORS - len(strangers) - 3):
            assert await caller.ask("AUTH PLAIN AGEAYg==") == "500 5.5.1"
        assert await caller.hear() == "421 4.7.0"


async def test_only_its_end_ends_a_message(returns: ReturnWorld) -> None:
    dsn = raw("postfix-unknown")
    async with returns.open():
        message = await returns.delivered()
        verp = returns.bounce(message)
        for wrong in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n"):
            async with calling(returns.port) as caller:
                await caller.begin(verp)
                smuggled = b"MAIL FROM:<>\r\nRCPT TO:<" + verp.encode() + b">\r\nDATA\r\n" + raw("gmail-unknown")
                assert await caller.ask(dsn + wrong + smuggled + b"\r\n.\r\n") == "250 2.0.0"
                assert await caller.ask("NOOP") == "250 2.0.0"
        assert {document["message_id"] for document in await told(returns, 1)} == {message.message_id}
        assert all(b"googlemail" not in document["event"] for document in await returns.stored())
        async with calling(returns.port) as caller:
            assert await caller.ask(b"EHLO mx.test\n") == "500 5.5.2"
        async with calling(returns.port) as caller:
            assert await caller.ask(b"EHLO mx.test\r\nMAIL FROM:<>\r\n") == "503 5.5.1"


async def test_it_is_taken_only_once_it_is_stored(returns: ReturnWorld) -> None:
    wire = Wire(returns.deployment.environment["mongo_url"])
    async with returns.open():
        message = await returns.delivered()
    async with wire.open(), returns.open("returns", mongo_url=wire.url), calling(returns.port) as caller:
        await caller.begin(returns.bounce(message))
        wire.sever()
        assert await caller.ask(raw("postfix-unknown") + b".\r\n") == "451 4.3.0"
        assert await returns.stored() == []
        wire.restore()

        async def taken() -> bool:
            return await returns.bring(raw("postfix-unknown"), returns.bounce(message)) == "250"

        await eventually(taken)
        assert len(await returns.stored()) == 1


async def test_tls_is_offered_with_a_certificate_and_says_everything_anew(returns: ReturnWorld, tmp_path: Path) -> None:
    authority = trustme.CA()
    file = tmp_path / "door.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    async with returns.open("returns", returns_certificate_file=file), calling(returns.port) as caller:
        assert await caller.ask("EHLO mx.test") == "250"
        assert "STARTTLS" in caller.said
        assert await caller.ask("MAIL FROM:<>") == "250 2.1.0"
        await caller.start_tls(context)
        assert await caller.ask("MAIL FROM:<>") == "503 5.5.1"
        assert await caller.ask("EHLO mx.test") == "250"
        assert "STARTTLS" not in caller.said
        assert await caller.ask("STARTTLS") == "503 5.5.1"
    async with returns.open("returns"), calling(returns.port) as caller:
        await caller.ask("EHLO mx.test")
        assert "STARTTLS" not in caller.said
        assert await caller.ask("STARTTLS") == "502 5.5.1"


async def test_a_door_that_closes_lets_who_is_sending_end(returns: ReturnWorld) -> None:
    door = returns.open()
    await door.__aenter__()
    message = await returns.delivered()
    async with calling(returns.port) as sending, calling(returns.port) as idle:
        await sending.begin(returns.bounce(message))
        sending.send(raw("postfix-unknown"))
        closing = asyncio.create_task(door.__aexit__(None, None, None))
        assert await idle.hear() == "421 4.3.2"
        sending.send(b".\r\n")
        assert await sending.hear() == "250 2.0.0"
        await closing
    assert len(await returns.stored()) == 1
