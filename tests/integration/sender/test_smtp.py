"""Conversations over real TCP: every fault has its outcome, and what is signed is what arrives."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.sender.smtp.attempt import attempt
from services.sender.smtp.connection import Connection
from services.sender.smtp.connections import Connections, Tries
from services.sender.smtp.conversation import deliver
from services.sender.smtp.notifications import Notifications
from services.sender.smtp.outcomes import (
    Abandoned,
    Ambiguous,
    BounceClass,
    Bounced,
    Deferred,
    Delivered,
    Outcome,
    Relayed,
    Stage,
)
from shared.contracts.messages import TlsMode
from tests.fixtures.scripted_smtp import Act, Close, Raw, ScriptedServer, Silence, Stall
from tests.integration.sender.attempts import (
    LARGE,
    LONG,
    MESSAGE,
    NAME,
    SHORT,
    STUFFED,
    Dots,
    egress,
    envelope,
    outcome_with,
    transaction,
)


@pytest.mark.parametrize("extensions", [("PIPELINING", "SIZE 1000000"), ()], ids=["pipelined", "in steps"])
async def test_what_is_signed_is_what_arrives(pool: Callable[..., Connections], extensions: tuple[str, ...]) -> None:
    outcome, server = await outcome_with(pool, extensions=extensions)
    assert isinstance(outcome, Delivered)
    assert server.session.data == [STUFFED]
    size = f" SIZE={len(MESSAGE)}" if extensions else ""
    assert server.session.commands == [
        "EHLO out.shop.test",
        f"MAIL FROM:<b+1@bounce.shop.test>{size}",
        "RCPT TO:<jane@example.test>",
        "DATA",
        "QUIT",
    ]
    assert (outcome.code, outcome.enhanced, outcome.text, outcome.stage) == (250, "2.0.0", "2.0.0 taken", Stage.DOT)
    assert (outcome.host, outcome.ip) == (NAME, "127.0.0.1")
    assert [step.stage for step in outcome.transcript] == [
        *(Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT)
    ]
    assert not any("last" in f"{step.sent}{step.reply}" for step in outcome.transcript)
    assert set(dict(outcome.timings)) == {step.stage for step in outcome.transcript}


@pytest.mark.parametrize(("extensions", "asked"), [(("DSN",), True), (("PIPELINING", "DSN"), True), ((), False)])
async def test_a_host_is_asked_for_reports_where_it_offers_them(
    pool: Callable[..., Connections], extensions: tuple[str, ...], asked: bool
) -> None:
    wanted = envelope(notifications=Notifications("m+1"))
    async with ScriptedServer(extensions=extensions) as server:
        connections = pool()
        outcome = await attempt(connections, egress(server.port), transaction(envelope=wanted))
        connections.close()
    assert isinstance(outcome, Delivered)
    _, mail, rcpt, *_ = server.session.commands
    assert mail == "MAIL FROM:<b+1@bounce.shop.test>" + (" RET=HDRS ENVID=m+2B1" if asked else "")
    original = " NOTIFY=FAILURE,DELAY ORCPT=rfc822;jane@example.test"
    assert rcpt == "RCPT TO:<jane@example.test>" + (original if asked else "")


async def test_a_large_message_arrives_whole(pool: Callable[..., Connections]) -> None:
    outcome, server = await outcome_with(pool, message=LARGE)
    assert isinstance(outcome, Delivered)
    assert bytes(server.session.data[0]).replace(b"\r\n..", b"\r\n.").removesuffix(b".\r\n") == LARGE


async def test_a_dot_that_begins_the_message_is_doubled_too(pool: Callable[..., Connections]) -> None:
    _, server = await outcome_with(pool, message=b".\r\n.\r\n")
    assert server.session.data == [b"..\r\n..\r\n.\r\n"]


async def test_a_smart_hosts_acceptance_is_relayed(pool: Callable[..., Connections]) -> None:
    outcome, _ = await outcome_with(pool, relayed=True)
    assert isinstance(outcome, Relayed)


C, S = BounceClass, Stage


@pytest.mark.parametrize(
    ("script", "kind", "stage", "class_"),
    [
        ({"BANNER": "421 4.3.2 busy"}, Deferred, S.BANNER, C.THROTTLED),
        ({"BANNER": "554 5.7.1 no"}, Deferred, S.BANNER, C.BLOCK_REPUTATION),
        ({"BANNER": Close()}, Deferred, S.BANNER, C.CONNECTION),
        ({"BANNER": Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")}, Deferred, S.BANNER, C.PROTOCOL),
        ({"BANNER": Raw(b"220 a\r\n220 b\r\n")}, Deferred, S.EHLO, C.PROTOCOL),
        ({"EHLO": "421 no"}, Deferred, S.EHLO, C.THROTTLED),
        ({"EHLO": "502 no", "HELO": "502 no"}, Deferred, S.EHLO, C.BLOCK_REPUTATION),
        ({"MAIL": "451 4.3.0 later"}, Deferred, S.MAIL, C.UNDETERMINED),
        ({"MAIL": "550 5.7.1 not you"}, Bounced, S.MAIL, C.SENDER_REJECTED),
        ({"MAIL": Close()}, Deferred, S.MAIL, C.CONNECTION),
        ({"RCPT": "450 4.2.0 greylisted"}, Deferred, S.RCPT, C.GREYLISTED),
        ({"RCPT": "550 5.1.1 unknown"}, Bounced, S.RCPT, C.INVALID_RECIPIENT),
        ({"RCPT": "552 too much"}, Deferred, S.RCPT, C.MAILBOX_FULL),
        ({"RCPT": Close("421 4.4.2 timeout")}, Deferred, S.RCPT, C.THROTTLED),
        ({"DATA": "451 4.3.0 later"}, Deferred, S.DATA, C.UNDETERMINED),
        ({"DATA": "554 5.5.1 no"}, Bounced, S.DATA, C.PROTOCOL),
        ({"DATA": "250 ok?"}, Deferred, S.DATA, C.PROTOCOL),
        ({"DOT": "451 4.3.0 later"}, Deferred, S.DOT, C.UNDETERMINED),
        ({"DOT": "552 5.3.4 too large"}, Bounced, S.DOT, C.MESSAGE_TOO_LARGE),
        ({"DOT": "554 5.7.1 spam"}, Bounced, S.DOT, C.CONTENT_REJECTED),
        ({"DOT": Close()}, Ambiguous, S.DOT, C.CONNECTION),
        ({"DOT": Raw(b"what?\r\n")}, Ambiguous, S.DOT, C.PROTOCOL),
        ({"DOT": Raw(b"250-yes\r\n550 no\r\n")}, Ambiguous, S.DOT, C.PROTOCOL),
        ({"DOT": Raw((b"250-" + b"x" * 900 + b"\r\n") * 80)},
         Ambiguous, S.DOT, C.PROTOCOL),
        ({"DOT": Raw(b"250 " + b"x" * 70 * 1024)}, Ambiguous, S.DOT, C.PROTOCOL),
        ({"DOT": Close("250 2.0.0 taken")}, Delivered, S.DOT, None),
        ({"DOT": Raw(b"250-2.0.0 yes\r\n250-2.0.0 and\r\n250 2.0.0 more\r\n")}, Delivered, S.DOT, None),
        ({"DOT": Raw(b"250-one\n250 two\n"), "RCPT": Raw(b"250 ok\n")}, Delivered, S.DOT, None),
        ({"BANNER": Raw(b"220-hi\r\n220 there\r\n", dribble=True), "DOT": Raw(b"250 2.0.0 ok\r\n", dribble=True)},
         Delivered, S.DOT, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "in steps"])
async def test_a_fault_and_its_outcome(
    pool: Callable[..., Connections],
    script: dict[str, Act | list[Act]],
    kind: type[Outcome],
    stage: Stage,
    class_: BounceClass | None,
    extensions: tuple[str, ...],
) -> None:
    dots = Dots()
    outcome, server = await outcome_with(pool, script, extensions=extensions, before_dot=dots)
    assert type(outcome) is kind, outcome
    assert (outcome.stage, outcome.class_) == (stage, class_)
    assert dots.asked == server.session.data.count(bytearray(STUFFED)) == (1 if stage is Stage.DOT else 0)
    assert outcome.host == NAME
    assert outcome.transcript


@pytest.mark.parametrize(
    ("verb", "kind", "stage"),
    [
        ("BANNER", Deferred, S.BANNER),
        ("EHLO", Deferred, S.EHLO),
        ("MAIL", Deferred, S.MAIL),
        ("DATA", Deferred, S.DATA),
        ("DOT", Ambiguous, S.DOT),
    ],
)
async def test_silence_ends_in_a_timeout(
    pool: Callable[..., Connections], verb: str, kind: type[Outcome], stage: Stage
) -> None:
    outcome, server = await outcome_with(pool, {verb: Silence()}, timeouts=SHORT)
    assert type(outcome) is kind
    assert outcome.stage is stage
    assert "timed out" in outcome.text
    assert server.session.ended.is_set()


async def test_a_window_that_stays_shut_ends_in_a_timeout(pool: Callable[..., Connections]) -> None:
    dots = Dots()
    timeouts = replace(LONG, block=0.3)
    outcome, _ = await outcome_with(pool, {"BODY": Stall()}, message=LARGE * 4, timeouts=timeouts, before_dot=dots)
    assert isinstance(outcome, Deferred)
    assert (outcome.stage, dots.asked) == (Stage.BODY, 0)


async def test_a_close_in_the_body_is_safe(pool: Callable[..., Connections]) -> None:
    dots = Dots()
    outcome, server = await outcome_with(pool, {"BODY": Close()}, message=LARGE, before_dot=dots)
    assert isinstance(outcome, Deferred)
    assert (outcome.stage, outcome.class_) == (Stage.BODY, BounceClass.CONNECTION)
    assert dots.asked == server.session.dots == 0


async def test_a_refusal_in_the_body_is_the_verdict(pool: Callable[..., Connections]) -> None:
    outcome, server = await outcome_with(pool, {"BODY": Close("552 5.3.4 enough")}, message=LARGE)
    assert isinstance(outcome, Bounced)
    assert (outcome.stage, outcome.class_) == (Stage.BODY, BounceClass.MESSAGE_TOO_LARGE)
    assert server.session.dots == 0


@pytest.mark.parametrize("answer", [False, RuntimeError("the database is gone")])
async def test_without_the_lease_no_dot_leaves(pool: Callable[..., Connections], answer: bool | Exception) -> None:
    outcome, server = await outcome_with(pool, before_dot=Dots(answer))
    assert outcome == Abandoned()
    assert server.session.dots == 0
    assert server.session.commands[-1] == "DATA"


async def test_a_peer_that_leaves_while_the_lease_is_checked_gets_no_dot(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer({"BODY": Close("421 4.4.2 bye")}) as server:
        connections = pool()

        async def once_it_spoke() -> bool:
            wire = spoken[0].wire
            while wire.quiet:
                wire._arrived.clear()
                await wire._arrived.wait()
            return True

        way = egress(server.port)
        connection = await connections.acquire(way, way.hosts[0], Tries())
        assert isinstance(connection, Connection)
        spoken = [connection]
        outcome = await deliver(connection, transaction(once_it_spoke))
        connections.release(connection)
    assert isinstance(outcome, Deferred)
    assert (outcome.stage, outcome.class_, outcome.code) == (Stage.BODY, BounceClass.THROTTLED, 421)
    assert server.session.dots == 0


async def test_cancelling_cuts_the_connection(pool: Callable[..., Connections]) -> None:
    asked = asyncio.Event()

    async def forever() -> bool:
        asked.set()
        await asyncio.Event().wait()
        return True

    async with ScriptedServer() as server:
        task = asyncio.create_task(attempt(pool(), egress(server.port), transaction(forever)))
        await asyncio.wait_for(asked.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        session = await server.ended()
    assert session.dots == 0


async def test_helo_where_ehlo_is_unknown(pool: Callable[..., Connections]) -> None:
    outcome, server = await outcome_with(pool, {"EHLO": "502 5.5.1 what?"})
    assert isinstance(outcome, Delivered)
    assert server.session.verbs[:3] == ["EHLO", "HELO", "MAIL"]
    assert "SIZE" not in server.session.commands[2]


async def test_pipelining_that_was_offered_in_clear_is_forgotten_under_tls(
    pool: Callable[..., Connections], server_tls: ssl.SSLContext
) -> None:
    """Without it DATA is not sent behind a refused RCPT."""
    clear, encrypted = Raw(b"250-mx.test\r\n250-STARTTLS\r\n250 PIPELINING\r\n"), Raw(b"250 mx.test\r\n")
    script: dict[str, Act | list[Act]] = {"EHLO": [clear, encrypted], "RCPT": "550 5.1.1 unknown"}
    outcome, server = await outcome_with(pool, script, tls=TlsMode.REQUIRED, server_tls=server_tls)
    assert isinstance(outcome, Bounced), outcome
    assert server.session.verbs == ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "QUIT"]
