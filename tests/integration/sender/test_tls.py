"""TLS and AUTH, against an ordinary peer (aiosmtpd) and against scripted ones."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as Received
from aiosmtpd.smtp import Session as SmtpSession

from services.sender.smtp.attempt import attempt
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import (
    BounceClass,
    Deferred,
    Delivered,
    Relayed,
    Scope,
    Stage,
)
from services.sender.smtp.peers import Credentials
from services.sender.tls.broken import BrokenTls
from shared.contracts.messages import TlsMode
from tests.fixtures.scripted_smtp import Act, Close, Raw, ScriptedServer
from tests.integration.sender.attempts import (
    LONG,
    MESSAGE,
    NAME,
    egress,
    outcome_with,
    transaction,
)


class Inbox:
    """An aiosmtpd handler that keeps what it takes."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, bool]] = []

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Received) -> str:  # noqa: N802
        content = envelope.original_content
        assert content is not None
        self.taken.append((content, session.ssl is not None))
        return "250 2.0.0 kept"


@asynccontextmanager
async def ordinary_peer(inbox: Inbox, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, hostname=NAME, loop=loop, **options), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.mark.parametrize("tls", [TlsMode.OPPORTUNISTIC, TlsMode.REQUIRED, TlsMode.VERIFY, TlsMode.DISABLED])
async def test_an_ordinary_peer_with_starttls(
    pool: Callable[..., Connections], server_tls: ssl.SSLContext, tls: TlsMode
) -> None:
    inbox = Inbox()
    async with ordinary_peer(inbox, tls_context=server_tls) as port:
        connections = pool()
        for _ in range(2):
            outcome = await attempt(connections, egress(port, tls=tls), transaction())
            assert isinstance(outcome, Delivered), outcome
        connections.close()
    assert inbox.taken == [(MESSAGE, tls is not TlsMode.DISABLED)] * 2
    assert (outcome.tls_version is not None) is (tls is not TlsMode.DISABLED)


@pytest.mark.parametrize("tls", [TlsMode.OPPORTUNISTIC, TlsMode.REQUIRED, TlsMode.VERIFY])
async def test_the_handshake_names_the_host(
    pool: Callable[..., Connections], authority: trustme.CA, tls: TlsMode
) -> None:
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    context.sni_callback = lambda _, name, __: asked.append(name)
    async with ScriptedServer(extensions=["STARTTLS"], tls=context) as server:
        outcome = await attempt(pool(idle_timeout=0), egress(server.port, tls=tls), transaction())
    assert isinstance(outcome, Delivered)
    assert (asked, outcome.to_data()["tls"]["result"]) == ([NAME], "success")


@pytest.mark.parametrize("mode", [TlsMode.REQUIRED, TlsMode.VERIFY])
@pytest.mark.parametrize(
    ("script", "extensions"),
    [
        ({}, ()),
        ({"STARTTLS": "454 4.7.0 not now"}, ("STARTTLS",)),
        ({"STARTTLS": Raw(b"220 go\r\nthis is no TLS\r\n")}, ("STARTTLS",)),
        ({"STARTTLS": Close()}, ("STARTTLS",)),
    ],
    ids=["not offered", "refused", "no handshake", "closed"],
)
async def test_without_the_tls_that_is_required_nothing_is_said(
    pool: Callable[..., Connections],
    mode: TlsMode,
    script: dict[str, Act | list[Act]],
    extensions: tuple[str, ...],
) -> None:
    outcome, server = await outcome_with(
        pool, script, extensions=extensions, tls=mode, timeouts=replace(LONG, starttls=1)
    )
    assert isinstance(outcome, Deferred)
    assert (outcome.stage, outcome.class_) == (Stage.STARTTLS, BounceClass.TLS)
    assert "MAIL" not in server.session.verbs


@pytest.mark.parametrize(
    ("script", "connections"),
    [({"STARTTLS": "454 4.7.0 not now"}, 1), ({"STARTTLS": Raw(b"220 go\r\nthis is no TLS\r\n")}, 2)],
)
async def test_opportunistic_tls_falls_back_to_clear(
    pool: Callable[..., Connections], script: dict[str, Act | list[Act]], connections: int
) -> None:
    async with ScriptedServer(script, extensions=["STARTTLS"]) as server:
        kept = pool(timeouts=replace(LONG, starttls=1), idle_timeout=0)
        way = egress(server.port, tls=TlsMode.OPPORTUNISTIC)
        assert isinstance(await attempt(kept, way, transaction()), Delivered)
        assert len(server.sessions) == connections
        assert isinstance(await attempt(kept, way, transaction()), Delivered)
        assert len(server.sessions) == connections + 1, "what is broken is remembered"


async def test_a_host_that_takes_nothing_in_clear_is_no_host_with_broken_tls(
    pool: Callable[..., Connections], server_tls: ssl.SSLContext
) -> None:
    needs_tls: dict[str, Act | list[Act]] = {"MAIL": "530 5.7.0 Must issue a STARTTLS command first"}
    broken = {**needs_tls, "STARTTLS": Close("220 go")}
    async with ScriptedServer(broken, needs_tls, {}, extensions=["STARTTLS"], tls=server_tls) as server:
        kept = pool(timeouts=replace(LONG, starttls=1))
        way = egress(server.port, tls=TlsMode.OPPORTUNISTIC)
        refused = await attempt(kept, way, transaction())
        assert isinstance(refused, Deferred)
        assert refused.class_ is BounceClass.TLS
        assert isinstance(await attempt(kept, way, transaction()), Delivered)
        assert [session.tls for session in server.sessions] == [False, False, True]
        kept.close()


async def test_a_host_with_broken_tls_is_tried_again_after_three_days_however_busy(
    pool: Callable[..., Connections],
) -> None:
    now = [0.0]
    async with ScriptedServer({"STARTTLS": Raw(b"220 go\r\nthis is no TLS\r\n")}, extensions=["STARTTLS"]) as server:
        kept = pool(timeouts=replace(LONG, starttls=1), idle_timeout=0, broken_tls=BrokenTls(clock=lambda: now[0]))
        way = egress(server.port, tls=TlsMode.OPPORTUNISTIC)
        for days, sessions in ((0, 2), (1, 3), (2, 4), (3, 6)):
            now[0] = days * 86400.0
            assert isinstance(await attempt(kept, way, transaction()), Delivered)
            assert len(server.sessions) == sessions


async def test_a_certificate_that_is_not_the_hosts_only_matters_where_it_is_verified(
    pool: Callable[..., Connections], authority: trustme.CA
) -> None:
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.test").configure_cert(other)
    inbox = Inbox()
    async with ordinary_peer(inbox, tls_context=other) as port:
        connections = pool(idle_timeout=0)
        required = egress(port, tls=TlsMode.REQUIRED)
        assert isinstance(await attempt(connections, required, transaction()), Delivered)
        verify = egress(port, tls=TlsMode.VERIFY)
        outcome = await attempt(connections, verify, transaction())
    assert isinstance(outcome, Deferred)
    assert (outcome.stage, outcome.class_) == (Stage.STARTTLS, BounceClass.TLS)
    assert "mismatch" in outcome.text.lower()


async def test_what_is_injected_in_clear_before_tls_is_discarded(
    pool: Callable[..., Connections], server_tls: ssl.SSLContext
) -> None:
    script: dict[str, Act | list[Act]] = {"STARTTLS": Raw(b"220 go\r\n250-mx.test\r\n250-PIPELINING\r\n250 SIZE 1\r\n")}
    outcome, server = await outcome_with(
        pool, script, extensions=("STARTTLS",), tls=TlsMode.REQUIRED, server_tls=server_tls
    )
    assert isinstance(outcome, Delivered), outcome
    assert server.session.tls
    assert server.session.verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]
    assert outcome.tls_version is not None


async def test_implicit_tls(pool: Callable[..., Connections], server_tls: ssl.SSLContext) -> None:
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, hostname=NAME, loop=loop), "127.0.0.1", 0, ssl=server_tls)
    port = server.sockets[0].getsockname()[1]
    connections = pool(idle_timeout=0)
    outcome = await attempt(connections, egress(port, tls=TlsMode.IMPLICIT), transaction())
    server.close()
    assert isinstance(outcome, Delivered), outcome
    assert outcome.tls_version is not None
    async with ScriptedServer() as clear:
        failed = await attempt(connections, egress(clear.port, tls=TlsMode.IMPLICIT), transaction())
    assert isinstance(failed, Deferred)
    assert failed.class_ is BounceClass.TLS


@pytest.mark.parametrize(
    ("extensions", "script", "said"),
    [
        (("AUTH PLAIN LOGIN",), {}, ["AUTH PLAIN AHVzZXIAcMOkc3M="]),
        (("AUTH LOGIN",), {"AUTH": "334 VXNlcm5hbWU6", "ANSWER": ["334 UGFzc3dvcmQ6", "235 ok"]},
         ["AUTH LOGIN", "dXNlcg==", "cMOkc3M="]),
    ],
    ids=["plain", "login"],
)  # fmt: skip
async def test_a_smart_host_gets_its_credentials_and_the_transcript_does_not(
    pool: Callable[..., Connections],
    extensions: tuple[str, ...],
    script: dict[str, Act | list[Act]],
    said: list[str],
) -> None:
    way = {"relayed": True, "credentials": Credentials("user", "päss")}
    outcome, server = await outcome_with(pool, script, extensions=extensions, **way)
    assert isinstance(outcome, Relayed), outcome
    assert server.session.commands[1 : 1 + len(said)] == said
    shown = str(outcome.to_data())
    assert "AHVzZXIAcMOkc3M=" not in shown
    assert "cMOkc3M=" not in shown
    assert "päss" not in str(way["credentials"])


@pytest.mark.parametrize(
    ("extensions", "script"),
    [
        (("AUTH PLAIN",), {"AUTH": "535 5.7.8 wrong"}),
        (("AUTH PLAIN",), {"AUTH": "454 4.7.0 later"}),
        (("AUTH CRAM-MD5",), {}),
        ((), {}),
    ],
)
async def test_credentials_that_do_not_work_are_the_routes_failure(
    pool: Callable[..., Connections], extensions: tuple[str, ...], script: dict[str, Act | list[Act]]
) -> None:
    way = {"relayed": True, "credentials": Credentials("user", "pass")}
    outcome, server = await outcome_with(pool, script, extensions=extensions, **way)
    assert isinstance(outcome, Deferred)
    assert (outcome.stage, outcome.class_, outcome.scope) == (Stage.AUTH, BounceClass.ROUTE_DOWN, Scope.TRANSPORT)
    assert "MAIL" not in server.session.verbs


async def test_no_password_is_sent_in_clear_unless_tls_is_disabled(pool: Callable[..., Connections]) -> None:
    way = {"relayed": True, "credentials": Credentials("user", "pass"), "tls": TlsMode.OPPORTUNISTIC}
    outcome, server = await outcome_with(pool, extensions=("AUTH PLAIN",), **way)
    assert isinstance(outcome, Deferred)
    assert outcome.class_ is BounceClass.TLS
    assert "AUTH" not in server.session.verbs
