"""Every stage has a timer of its own (RFC 5321 section 4.5.3.2)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.sender.settings import Settings
from services.sender.smtp.attempt import attempt
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import Ambiguous, BounceClass, Bounced, Deferred, Stage
from services.sender.smtp.peers import Credentials, Timeouts
from shared.contracts.messages import TlsMode
from tests.fixtures.scripted_smtp import ScriptedServer, Silence
from tests.integration.sender.attempts import LONG, egress, transaction

KEY = base64.b64encode(bytes(32)).decode()
S = Stage


def settings(**changes: Any) -> Settings:
    return Settings(pepper=KEY, token_key=KEY, encryption_key=KEY, **changes)


@pytest.mark.parametrize(
    ("verb", "timer", "stage"),
    [
        ("BANNER", "last_banner", S.BANNER),
        ("EHLO", "ehlo", S.EHLO),
        ("STARTTLS", "starttls", S.STARTTLS),
        ("AUTH", "auth", S.AUTH),
        ("MAIL", "mail", S.MAIL),
        ("RCPT", "rcpt", S.RCPT),
        ("DATA", "data", S.DATA),
        ("DOT", "dot", S.DOT),
    ],
)
async def test_a_silent_peer_is_left_when_the_timer_of_the_stage_has_run_out(
    pool: Callable[..., Connections], verb: str, timer: str, stage: Stage
) -> None:
    """All other timers are longer than the test."""
    extensions = {"STARTTLS": ("STARTTLS",), "AUTH": ("AUTH PLAIN",)}.get(verb, ())
    credentials = Credentials("user", "pass") if verb == "AUTH" else None
    tls = TlsMode.REQUIRED if verb == "STARTTLS" else TlsMode.DISABLED
    async with ScriptedServer({verb: Silence()}, extensions=extensions) as server:
        connections = pool(timeouts=replace(LONG, **{timer: 0.2}))
        way = egress(server.port, tls=tls, credentials=credentials)
        outcome = await attempt(connections, way, transaction())
    assert isinstance(outcome, Ambiguous if stage is S.DOT else Deferred)
    assert (outcome.stage, outcome.class_) == (
        stage,
        BounceClass.TLS if stage is S.STARTTLS else BounceClass.CONNECTION,
    )


async def test_rset_and_quit_are_hardly_waited_for(pool: Callable[..., Connections]) -> None:
    script = {"RCPT": "550 5.1.1 unknown", "RSET": Silence()}
    async with ScriptedServer(script, {"QUIT": Silence()}, extensions=()) as server:
        connections = pool(timeouts=replace(LONG, reset=0.2))
        first = await attempt(connections, egress(server.port), transaction())
        second = await attempt(connections, egress(server.port), transaction())
        connections.close()
    assert isinstance(first, Bounced)
    assert second.code == 250
    assert [session.verbs[-1] for session in server.sessions] == ["RSET", "QUIT"]


def test_no_timer_is_shorter_than_rfc_5321_asks_for_where_it_matters() -> None:
    found = settings().timeouts
    assert found == Timeouts()
    minutes = {"last_banner": 5, "mail": 5, "rcpt": 5, "data": 2, "block": 3, "dot": 10}
    assert {name: getattr(found, name) / 60 for name in minutes} == minutes
    assert (found.connect, found.banner, found.ehlo, found.starttls, found.reset) == (30, 60, 120, 60, 5)


def test_the_reply_to_the_dot_has_a_setting_of_its_own() -> None:
    found = settings(command_timeout_seconds=7, connect_timeout_seconds=3).timeouts
    assert (found.connect, found.reset, found.dot) == (3, 5, 600)
    others = ("banner", "last_banner", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "block")
    assert {getattr(found, name) for name in others} == {7}
