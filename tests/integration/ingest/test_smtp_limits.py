"""What one connection, one address and one process may take, and how the door ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import trustme
from prometheus_client import REGISTRY

from shared.smtp.dialogue import HARD_ERRORS, MOST_COMMANDS
from shared.smtp.framing import LONGEST_LINE
from tests.fixtures.deployment import eventually
from tests.integration.ingest.conftest import Door
from tests.integration.ingest.smtp_door import (
    HOST,
    MAIL,
    MESSAGE,
    RCPT,
    SmtpDoor,
    Talk,
    encoded,
    open_smtp,
    plain,
    write_certificate,
)


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"posthorn_{name}", labels) or 0


async def greeting(smtp: SmtpDoor) -> tuple[Talk, str]:
    talk = Talk(smtp)
    return talk, await talk.open(smtp.port)


async def test_bounds_of_size_recipients_errors_and_commands(door: Door, tmp_path: Path) -> None:
    async with open_smtp(door, tmp_path, smtp_max_message_bytes=100_000, smtp_buffer_bytes=150_000) as smtp:
        await sizes(smtp)
        await room_for_all(smtp)
        await recipients(smtp)
        await errors(smtp)
        await commands(smtp)
        await long_lines(smtp)
        await guesses(smtp)


async def sizes(smtp: SmtpDoor) -> None:
    line = b"x" * 98 + b"\r\n"
    async with smtp.talk() as talk:
        await talk.ask("EHLO again")
        assert "SIZE 100000\r\n" in talk.said
        assert await talk.ask(f"{MAIL} SIZE=100001") == "552 5.3.4"
        assert await talk.deliver(MESSAGE + line * 1000) == "552 5.3.4"
        assert await talk.deliver(MESSAGE + line * 990) == "250 2.0.0"
    [submission] = await smtp.stored()
    assert (await smtp.raw_of(submission)).count(line) == 990


async def room_for_all(smtp: SmtpDoor) -> None:
    """What two hold together is bounded, whatever each may hold; and what one has held is free again."""
    half = MESSAGE + (b"x" * 98 + b"\r\n") * 900
    async with smtp.talk() as one, smtp.talk() as other:
        for talk in (one, other):
            await talk.begin()
        one.send(half)

        async def is_held() -> bool:
            async with smtp.talk() as third:
                return await third.ask(f"{MAIL} SIZE=90000") == "452 4.3.1"

        await eventually(is_held)
        other.send(half + b".\r\n")
        assert await other.hear() == "452 4.3.1"
        assert await other.ask("NOOP") == "250 2.0.0"
        one.send(b".\r\n")
        assert await one.hear() == "250 2.0.0"
        assert await other.deliver(half) == "250 2.0.0"


async def recipients(smtp: SmtpDoor) -> None:
    async with smtp.talk() as talk:
        assert await talk.ask(MAIL) == "250 2.1.0"
        for number in range(50):
            assert await talk.ask(f"RCPT TO:<r{number}@example.test>") == "250 2.1.5"
        assert await talk.ask("RCPT TO:<one.more@example.test>") == "452 4.5.3"
        assert await talk.ask("DATA") == "354"
        talk.send(MESSAGE + b".\r\n")
        assert await talk.hear() == "250 2.0.0"
    assert len((await smtp.stored())[-1]["messages"]) == 50
    _, key = await smtp.new_sender(max_recipients=MOST_COMMANDS + 10)
    async with smtp.talk(key=key) as talk:
        await talk.begin(MAIL, *(f"RCPT TO:<r{number}@example.test>" for number in range(MOST_COMMANDS + 10)))
        talk.send(MESSAGE + b".\r\n")
        assert await talk.hear() == "250 2.0.0"


async def errors(smtp: SmtpDoor) -> None:
    async with smtp.talk() as talk:
        assert [await talk.ask("NONSENSE") for _ in range(HARD_ERRORS)] == ["500 5.5.1"] * HARD_ERRORS
        assert await talk.hear() == "421 4.7.0"
        assert await talk.is_closed()


async def commands(smtp: SmtpDoor) -> None:
    async with smtp.talk() as talk:
        assert await talk.deliver() == "250 2.0.0", "each message begins a new count"
        for _ in range(MOST_COMMANDS):
            assert await talk.ask("NOOP") == "250 2.0.0"
        assert await talk.ask("NOOP") == "421 4.7.0"


async def long_lines(smtp: SmtpDoor) -> None:
    async with smtp.talk() as talk:
        talk.send(b"NOOP " + b"x" * LONGEST_LINE)
        assert await talk.hear() == "500 5.5.2"
        assert await talk.is_closed()


async def guesses(smtp: SmtpDoor) -> None:
    failed, refused = (
        metric("smtp_logins_total", result="failed"),
        metric("smtp_refused_total", door="submission", reply="535 5.7.8"),
    )
    async with smtp.talk(login=False) as talk:
        assert await talk.ask(f"AUTH PLAIN {plain('app', 'wrong')}") == "535 5.7.8"
        assert await talk.login(smtp.door.key) == "235 2.7.0"
    assert metric("smtp_logins_total", result="failed") == failed + 1
    assert metric("smtp_refused_total", door="submission", reply="535 5.7.8") == refused + 1


async def test_connections_are_bounded_by_address_and_in_all(door: Door, tmp_path: Path) -> None:
    async with open_smtp(door, tmp_path, smtp_connections_per_address=3) as smtp:
        silent = [await asyncio.open_connection(HOST, smtp.tls_port)]  # it counts before its handshake
        opened = [await greeting(smtp) for _ in range(3)]
        assert [said for _, said in opened] == ["220", "220", "421 4.7.0"]
        assert metric("smtp_connections", door="submission") == 3
        opened[0][0].close()

        async def room() -> bool:
            talk, said = await greeting(smtp)
            talk.close()
            return said == "220"

        await eventually(room)
        for talk, _ in opened:
            talk.close()
        for _, writer in silent:
            writer.close()

    async def none_left() -> bool:
        return metric("smtp_connections", door="submission") == 0

    await eventually(none_left)


async def test_whoever_is_silent_or_slow_is_let_go(door: Door, tmp_path: Path) -> None:
    quick = {"smtp_idle_seconds": 0.4, "smtp_data_seconds": 0.8, "smtp_tls_seconds": 0.3}
    async with open_smtp(door, tmp_path, **quick) as smtp:
        async with smtp.talk(login=False) as talk:
            assert await talk.hear() == "421 4.4.2"
            assert await talk.is_closed()
        async with smtp.talk(tls=False) as talk:
            assert await talk.ask("STARTTLS") == "220 2.0.0"
            assert await talk.is_closed(), "no handshake came"
        reader, writer = await asyncio.open_connection(HOST, smtp.tls_port)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()
        async with smtp.talk() as talk:
            await talk.begin()
            trickle = asyncio.create_task(drip(talk))
            assert await talk.hear() == "421 4.4.2"
            trickle.cancel()
    assert await smtp.sends_nothing()


async def drip(talk: Talk) -> None:
    """Never silent, never done."""
    while True:
        talk.send(b"x\r\n")
        await asyncio.sleep(0.05)


async def test_a_stopping_door_lets_messages_in_that_are_on_their_way(door: Door, tmp_path: Path) -> None:
    async with open_smtp(door, tmp_path) as smtp:
        busy = Talk(smtp)
        idle, _ = await greeting(smtp)
        await busy.open(smtp.port)
        await busy.ask("EHLO a")
        await busy.start_tls()
        await busy.ask("EHLO a")
        assert await busy.login(door.key) == "235 2.7.0"
        await busy.begin()

        async def finish() -> None:
            assert await idle.hear() == "421 4.3.2"
            busy.send(MESSAGE + b".\r\n")
            assert await busy.hear() == "250 2.0.0"
            assert await busy.hear() == "421 4.3.2"

        finished = asyncio.create_task(finish())
    await finished
    assert len(await smtp.stored()) == 1
    with pytest.raises(OSError, match="onnect"):
        await asyncio.open_connection(HOST, smtp.port)


async def test_a_new_certificate_is_used_without_a_restart(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.smtp.listener.CERTIFICATE_SECONDS", 0.05)
    async with open_smtp(door, tmp_path) as smtp, smtp.talk() as before:
        smtp.authority = trustme.CA()
        write_certificate(smtp.authority, tmp_path)

        async def trusted() -> bool:
            try:
                async with smtp.talk() as talk:
                    return await talk.deliver() == "250 2.0.0"
            except OSError:
                return False

        await eventually(trusted)
        assert await before.deliver() == "250 2.0.0", "who was there before stays"


async def test_only_what_is_there_is_offered(door: Door, tmp_path: Path) -> None:
    async with open_smtp(door, tmp_path) as smtp, smtp.talk(login=False) as talk:
        await talk.ask("EHLO again")
        offered = {line[4:].strip() for line in talk.said.splitlines()[1:]}
        assert offered == {"8BITMIME", "SIZE 26214400", "ENHANCEDSTATUSCODES", "SMTPUTF8", "AUTH PLAIN LOGIN"}
        assert await talk.ask(f"AUTH LOGIN {encoded('app')}") == "334"
        assert await talk.ask(encoded(door.key)) == "235 2.7.0"
        assert await talk.ask(RCPT) == "503 5.5.1"


async def test_credentials_quotas_and_rates_of_a_workspace(door: Door, tmp_path: Path) -> None:
    made = await door.http.post(
        "/v1/smtp-credentials", json={"name": "app"}, headers={"Authorization": f"Bearer {door.key}"}
    )
    assert made.status_code == 201, made.text
    credential = made.json()
    credential = credential.get("data", credential)
    async with open_smtp(door, tmp_path) as smtp:
        await by_credential(smtp, credential)
        await over_quota(smtp)
        await over_rate(smtp)


async def by_credential(smtp: SmtpDoor, credential: dict[str, Any]) -> None:
    """A credential opens the door with both of its parts, until it is revoked."""
    user, password = credential["user"], credential["password"]
    async with smtp.talk(login=False) as talk:
        assert await talk.ask(f"AUTH PLAIN {plain('other', password)}") == "535 5.7.8"
        assert await talk.ask(f"AUTH PLAIN {plain(user, password)}") == "235 2.7.0"
        assert await talk.deliver() == "250 2.0.0"
        reply = await smtp.door.delete(f"/v1/smtp-credentials/{credential['id']}")
        assert reply.status_code in (200, 204), reply.text

        async def revoked() -> bool:
            await talk.ask("RSET")
            return await talk.ask(MAIL) == "530 5.7.0"

        await eventually(revoked)


async def over_quota(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender(daily_quota=2)
    async with smtp.talk(key=key) as talk:
        assert [await talk.deliver() for _ in range(3)] == ["250 2.0.0", "250 2.0.0", "452 4.7.1"]
    assert len(await smtp.stored(workspace.id)) == 2


async def over_rate(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender(rate_limit=1)

    async def is_slowed() -> bool:
        async with smtp.talk(key=key) as talk:
            return "451 4.3.0" in [await talk.ask(MAIL), await talk.ask("RSET"), await talk.ask(MAIL)]

    await eventually(is_slowed)
    assert not await smtp.stored(workspace.id)
