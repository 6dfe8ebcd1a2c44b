"""Connections that are kept, and the walk over hosts and addresses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.sender.smtp.attempt import attempt
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import (
    BounceClass,
    Bounced,
    Deferred,
    Delivered,
    Failed,
    Scope,
    Stage,
)
from services.sender.smtp.targets import Targets
from tests.fixtures.scripted_smtp import Act, Close, Raw, ScriptedServer
from tests.integration.sender.attempts import (
    STUFFED,
    Dots,
    egress,
    transaction,
)


async def test_data_taken_without_a_recipient_gets_an_empty_message(pool: Callable[..., Connections]) -> None:
    script: dict[str, Act | list[Act]] = {
        "RCPT": ["550 5.1.1 unknown", "250 ok"],
        "DOT": ["554 5.5.1 no valid recipients", "250 2.0.0 taken"],
    }
    async with ScriptedServer(script) as server:
        connections = pool()
        dots = Dots()
        first = await attempt(connections, egress(server.port), transaction(dots))
        assert isinstance(first, Bounced)
        assert (first.stage, first.class_, dots.asked) == (Stage.RCPT, BounceClass.INVALID_RECIPIENT, 0)
        second = await attempt(connections, egress(server.port), transaction(dots))
        assert isinstance(second, Delivered)
        connections.close()
    assert server.session.data == [b".\r\n", STUFFED]
    assert "RSET" not in server.session.verbs


async def test_rset_is_said_only_after_a_failed_transaction(pool: Callable[..., Connections]) -> None:
    script: dict[str, Act | list[Act]] = {"RCPT": ["250 ok", "550 5.1.1 unknown", "250 ok"]}
    async with ScriptedServer(script, extensions=()) as server:
        connections = pool()
        kinds = [type(await attempt(connections, egress(server.port), transaction())) for _ in range(3)]
        connections.close()
    assert kinds == [Delivered, Bounced, Delivered]
    assert server.session.verbs.count("EHLO") == 1
    assert server.session.verbs == [
        "EHLO",
        *("MAIL", "RCPT", "DATA"),
        "MAIL",
        "RCPT",
        "RSET",
        "MAIL",
        "RCPT",
        "DATA",
        "QUIT",
    ]


@pytest.mark.parametrize(
    "gone",
    [
        {"MAIL": ["250 ok", "421 4.7.0 too many messages"]},
        {"MAIL": ["250 ok", Close()]},
        {"DOT": Raw(b"250 ok\r\n421 4.4.2 idle too long\r\n")},
        {"DOT": Close("250 ok")},
    ],
    ids=["421", "close", "421 while idle", "closed while idle"],
)
async def test_a_kept_connection_that_is_gone_is_replaced(
    pool: Callable[..., Connections], gone: dict[str, Act | list[Act]]
) -> None:
    async with ScriptedServer(gone, {}) as server:
        connections = pool()
        for _ in range(2):
            outcome = await attempt(connections, egress(server.port), transaction())
            assert isinstance(outcome, Delivered)
        connections.close()
        assert len(server.sessions) == 2
        assert server.sessions[1].data == [STUFFED]


async def test_after_421_a_connection_is_not_used_again(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer({"DOT": "421 4.3.2 shutting down"}, {}) as server:
        connections = pool()
        kinds = [type(await attempt(connections, egress(server.port), transaction())) for _ in range(2)]
        connections.close()
    assert kinds == [Deferred, Delivered]
    assert [session.verbs.count("MAIL") for session in server.sessions] == [1, 1]


async def test_a_connection_serves_so_many_messages_and_no_more(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer() as server:
        connections = pool()
        way = egress(server.port, max_deliveries_per_connection=2)
        for _ in range(5):
            assert isinstance(await attempt(connections, way, transaction()), Delivered)
        other = replace(way, transport_version=2)
        assert isinstance(await attempt(connections, other, transaction()), Delivered)
        connections.close()
        assert [session.dots for session in server.sessions] == [2, 2, 1, 1]


async def test_an_idle_connection_is_closed_in_time(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer() as server:
        connections = pool(idle_timeout=0.05)
        assert isinstance(await attempt(connections, egress(server.port), transaction()), Delivered)
        session = await server.ended()
    assert session.commands[-1] == "QUIT"


async def test_the_next_host_is_tried_until_a_reply_belongs_to_the_message(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer() as closed:
        pass
    async with ScriptedServer({"BANNER": "554 no"}) as second, ScriptedServer() as third:
        connections = pool()
        outcome = await attempt(connections, egress(closed.port, second.port, third.port), transaction())
        connections.close()
    assert isinstance(outcome, Delivered)
    stages = [step.stage for step in outcome.transcript]
    assert stages[:3] == [Stage.CONNECT, Stage.CONNECT, Stage.BANNER]


@pytest.mark.parametrize(
    ("script", "tried"),
    [({"MAIL": "421 busy"}, 2), ({"RCPT": Close()}, 2), ({"RCPT": "450 no"}, 1), ({"DOT": "421 no"}, 1)],
)
async def test_a_verdict_is_not_shopped_around(
    pool: Callable[..., Connections], script: dict[str, Act | list[Act]], tried: int
) -> None:
    async with ScriptedServer(script) as one, ScriptedServer(script) as two, ScriptedServer() as three:
        connections = pool()
        outcome = await attempt(connections, egress(one.port, two.port, three.port), transaction())
        connections.close()
    assert isinstance(outcome, Deferred)
    assert len(one.sessions + two.sessions + three.sessions) == tried


async def test_a_connection_refused_is_the_transports_failure_only_for_a_smart_host(
    pool: Callable[..., Connections],
) -> None:
    async with ScriptedServer() as closed:
        pass
    direct = await attempt(pool(), egress(closed.port), transaction())
    relayed = await attempt(pool(), egress(closed.port, relayed=True), transaction())
    assert isinstance(direct, Deferred)
    assert isinstance(relayed, Deferred)
    assert (direct.stage, direct.class_, direct.scope) == (Stage.CONNECT, BounceClass.CONNECTION, Scope.RECIPIENT)
    assert (relayed.class_, relayed.scope) == (BounceClass.ROUTE_DOWN, Scope.TRANSPORT)


async def test_private_addresses_are_not_dialled(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer() as server:
        outcome = await attempt(pool(targets=Targets()), egress(server.port), transaction())
        assert isinstance(outcome, Bounced)
        assert (outcome.code, outcome.enhanced, outcome.suppresses) == (550, "5.4.4", False)
        relayed = egress(server.port, relayed=True)
        assert isinstance(await attempt(pool(targets=Targets()), relayed, transaction()), Deferred)
        assert not server.sessions


async def test_without_a_host_there_is_nothing_to_try(pool: Callable[..., Connections]) -> None:
    assert isinstance(await attempt(pool(), egress(), transaction()), Failed)
