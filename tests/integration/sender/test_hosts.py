"""The walk over hosts: which is the last one, and which is this system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.sender.smtp.attempt import attempt
from services.sender.smtp.away import AWAY_SECONDS, Place
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import BounceClass, Bounced, Deferred, Delivered, Stage
from services.sender.smtp.peers import Egress
from services.sender.smtp.recent import Recent
from services.sender.smtp.targets import Targets
from shared.contracts.messages import Host
from tests.fixtures.dns_server import NameServer, Says
from tests.fixtures.scripted_smtp import Act, ScriptedServer, Silence
from tests.integration.sender.attempts import LONG, NAME, egress, transaction

OURS = Targets(allow_private=True, own=frozenset({"127.0.0.9"}))


def way_to(port: int, *names: str, relayed: bool = False) -> Egress:
    return replace(egress(), hosts=tuple(Host(name=name, port=port) for name in names), relayed=relayed)


async def test_the_last_host_has_longer_for_its_greeting(pool: Callable[..., Connections]) -> None:
    connections = pool(timeouts=replace(LONG, banner=0.2, last_banner=0.4))
    async with ScriptedServer({"BANNER": Silence()}) as server:
        outcome = await attempt(connections, way_to(server.port, NAME, "127.0.0.1"), transaction())
    assert isinstance(outcome, Deferred)
    waits = [step.reply for step in outcome.transcript if step.stage is Stage.BANNER]
    assert waits == ["(timed out: no reply in 0.2 s)", "(timed out: no reply in 0.4 s)"]


async def test_nothing_is_delivered_to_a_host_that_is_this_system_nor_behind_it(
    pool: Callable[..., Connections], names: NameServer
) -> None:
    names.says("ours.test", Says(["ours.test. 300 A 127.0.0.9", "ours.test. 300 A 127.0.0.1"]))
    async with ScriptedServer() as server:
        connections = pool(targets=OURS)
        outcome = await attempt(connections, way_to(server.port, "ours.test", NAME), transaction())
        assert isinstance(outcome, Bounced)
        assert (outcome.code, outcome.enhanced, outcome.class_) == (554, "5.4.6", BounceClass.ROUTING_DNS)
        assert not outcome.suppresses
        assert server.sessions == []
        better = await attempt(connections, way_to(server.port, NAME, "ours.test"), transaction())
        assert isinstance(better, Delivered)
        connections.close()


async def test_a_host_of_the_same_preference_as_this_system_is_left_out(
    pool: Callable[..., Connections], names: NameServer
) -> None:
    names.says("ours.test", Says(["ours.test. 300 A 127.0.0.9"]))
    async with ScriptedServer() as server:
        hosts = tuple(Host(name=name, port=server.port, preference=10) for name in (NAME, "ours.test"))
        outcome = await attempt(pool(targets=OURS), replace(egress(), hosts=hosts), transaction())
        assert server.sessions == []
    assert isinstance(outcome, Bounced)
    assert (outcome.enhanced, outcome.host) == ("5.4.6", "ours.test")


async def test_what_was_away_a_moment_ago_is_tried_last(pool: Callable[..., Connections], names: NameServer) -> None:
    names.says("two.test", Says([f"two.test. 300 A 127.0.0.{last}" for last in (1, 2, 3, 4)]))
    now = [0.0]
    connections = pool(timeouts=replace(LONG, banner=0.2), idle_timeout=0, away=Recent(AWAY_SECONDS, lambda: now[0]))
    silent: dict[str, Act | list[Act]] = {"BANNER": Silence()}
    async with ScriptedServer(silent, {}) as first, ScriptedServer() as second:
        hosts = (Host(name=NAME, port=first.port), Host(name="two.test", port=second.port))
        way = replace(egress(), hosts=hosts)
        for number in (1, 2, 3):
            assert isinstance(await attempt(connections, way, transaction()), Delivered)
            assert (len(first.sessions), len(second.sessions)) == (1, number)
        now[0] = AWAY_SECONDS
        assert isinstance(await attempt(connections, way, transaction()), Delivered)
        assert (len(first.sessions), len(second.sessions)) == (2, 3)


async def test_of_a_hosts_addresses_those_that_were_away_are_tried_last(
    pool: Callable[..., Connections], names: NameServer
) -> None:
    names.says("four.test", Says([f"four.test. 300 A 127.0.0.{last}" for last in (1, 2, 3, 4)]))
    connections = pool(idle_timeout=0)
    async with ScriptedServer() as server:  # at 127.0.0.1 alone
        way = way_to(server.port, "four.test")
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            connections.away.note(Place(address, server.port, None))
        for _ in range(5):
            outcome = await attempt(connections, way, transaction())
            dialled = [step.sent for step in outcome.transcript if step.stage is Stage.CONNECT]
            assert dialled == [f"four.test [127.0.0.1]:{server.port}"]


@pytest.mark.parametrize("relayed", [True, False])
async def test_a_loop_behind_a_host_that_is_away_and_at_a_smart_host_only_defers(
    pool: Callable[..., Connections], names: NameServer, relayed: bool
) -> None:
    names.says("ours.test", Says(["ours.test. 300 A 127.0.0.9"]))
    names.says("away.test", Says(rcode="SERVFAIL"))
    hosts = ("ours.test",) if relayed else ("away.test", "ours.test", NAME)
    async with ScriptedServer() as server:
        way = way_to(server.port, *hosts, relayed=relayed)
        outcome = await attempt(pool(targets=OURS), way, transaction())
        assert server.sessions == []
    assert isinstance(outcome, Deferred)
    assert outcome.class_ is (BounceClass.ROUTE_DOWN if relayed else BounceClass.ROUTING_DNS)
