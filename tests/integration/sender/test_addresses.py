"""Hosts' addresses at dial time, against a real name server and hosts on real addresses of both families."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.sender.smtp.attempt import attempt
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import BounceClass, Bounced, Deferred, Delivered, Outcome, Stage
from services.sender.smtp.peers import Egress
from services.sender.smtp.targets import IpStrategy
from shared.contracts.messages import Host
from tests.fixtures.dns_server import NameServer, Says, soa
from tests.fixtures.scripted_smtp import ScriptedServer
from tests.integration.sender.attempts import egress, transaction

NOTHING = Says(authority=[soa("test", 300)])
SILENT = Says(silent=True)
SERVFAIL = Says(rcode="SERVFAIL")


def hosts(port: int, *names: str) -> Egress:
    return replace(egress(port), hosts=tuple(Host(name=name, port=port) for name in names), domain="a.test")


async def tried(connections: Connections, way: Egress) -> Outcome:
    outcome = await attempt(connections, way, transaction())
    assert isinstance(outcome, Outcome)
    return outcome


def dialled(outcome: Outcome) -> list[str]:
    """The addresses in the order in which they were tried."""
    return [
        step.sent.partition("[")[2].partition("]")[0]
        for step in outcome.transcript
        if step.stage is Stage.CONNECT and step.sent
    ]


@pytest.mark.parametrize(
    ("one", "two", "kind", "code"),
    [
        (None, None, Bounced, 550),
        (NOTHING, None, Bounced, 550),
        (NOTHING, SERVFAIL, Deferred, 451),
        (SERVFAIL, NOTHING, Deferred, 451),
        (SERVFAIL, None, Deferred, 451),
        (Says(rcode="REFUSED"), NOTHING, Deferred, 451),
        (SILENT, NOTHING, Deferred, 451),
    ],
)
async def test_hosts_without_an_address(
    pool: Callable[..., Connections],
    names: NameServer,
    one: Says | None,
    two: Says | None,
    kind: type[Outcome],
    code: int,
) -> None:
    for name, says in (("one.test", one), ("two.test", two)):
        if says is not None:
            names.says(name, says)
    outcome = await tried(pool(idle_timeout=0), hosts(25, "one.test", "two.test"))
    assert isinstance(outcome, kind)
    assert (outcome.code, outcome.enhanced, outcome.class_) == (code, f"{code // 100}.4.4", BounceClass.ROUTING_DNS)
    assert outcome.stage is Stage.CONNECT


async def test_a_host_that_is_reached_makes_up_for_others_without_an_address(
    pool: Callable[..., Connections], names: NameServer
) -> None:
    names.says("two.test", SERVFAIL)
    async with ScriptedServer() as server:
        outcome = await tried(pool(idle_timeout=0), hosts(server.port, "one.test", "two.test", "mx.test"))
    assert isinstance(outcome, Delivered)


async def test_a_name_server_that_is_silent_keeps_nobody_else_waiting(
    pool: Callable[..., Connections], names: NameServer
) -> None:
    names.says("silent.test", SILENT)
    async with ScriptedServer() as server:
        connections = pool(idle_timeout=0)
        stuck = [asyncio.create_task(tried(connections, hosts(server.port, "silent.test"))) for _ in range(100)]
        assert isinstance(await tried(connections, hosts(server.port, "mx.test")), Delivered)
        assert not any(task.done() for task in stuck)
        outcomes = await asyncio.gather(*stuck)
    assert {type(outcome) for outcome in outcomes} == {Deferred}
    assert len({name for name, _, _ in names.asked}) == 2
    assert len(names.asked) < 10, "look-ups under way are shared"


async def test_answers_are_kept(pool: Callable[..., Connections], names: NameServer) -> None:
    async with ScriptedServer() as server:
        connections = pool(idle_timeout=0)
        for _ in range(5):
            assert isinstance(await tried(connections, hosts(server.port, "mx.test")), Delivered)
    assert [name for name, _, _ in names.asked] == ["mx.test"]


async def test_five_addresses_are_tried_over_all_hosts(pool: Callable[..., Connections], names: NameServer) -> None:
    async with ScriptedServer() as closed:
        pass
    for number, name in enumerate(("one.test", "two.test", "three.test")):
        names.says(name, Says([f"{name}. 300 A 127.0.{number}.{last}" for last in (1, 2, 3)]))
    outcome = await tried(pool(idle_timeout=0), hosts(closed.port, "one.test", "two.test", "three.test"))
    assert isinstance(outcome, Deferred)
    assert sorted(dialled(outcome)[:3]) == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    assert len(dialled(outcome)) == 5
    assert all(ip.startswith("127.0.1.") for ip in dialled(outcome)[3:])


async def test_at_most_two_hosts_get_as_far_as_mail(pool: Callable[..., Connections], names: NameServer) -> None:
    names.says("two.test", Says(["two.test. 300 A 127.0.0.1"]))
    names.says("three.test", Says(["three.test. 300 A 127.0.0.1"]))
    async with ScriptedServer({"MAIL": "421 busy"}) as server:
        assert isinstance(
            await tried(pool(idle_timeout=0), hosts(server.port, "mx.test", "two.test", "three.test")), Deferred
        )
        assert len(server.sessions) == 2


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        (IpStrategy.IPV4_ONLY, ["127.0.0.2"]),
        (IpStrategy.IPV4_THEN_IPV6, ["127.0.0.2", "::1"]),
        (IpStrategy.IPV6_THEN_IPV4, ["::1", "127.0.0.2"]),
        (IpStrategy.BOTH, ["::1", "127.0.0.2"]),
    ],
)
async def test_families_are_tried_as_the_setting_says(
    pool: Callable[..., Connections], names: NameServer, strategy: IpStrategy, order: list[str]
) -> None:
    names.says("dual.test", Says(["dual.test. 300 A 127.0.0.2", "dual.test. 300 AAAA ::1"]))
    async with ScriptedServer() as closed:
        pass
    outcome = await tried(pool(idle_timeout=0, strategy=strategy), hosts(closed.port, "dual.test"))
    assert dialled(outcome) == order
    assert {kind for _, kind, _ in names.asked} == ({"A"} if strategy is IpStrategy.IPV4_ONLY else {"A", "AAAA"})


async def test_the_local_address_decides_which_family_can_be_dialled(
    pool: Callable[..., Connections], names: NameServer
) -> None:
    names.says("six.test", Says(["six.test. 300 AAAA ::1"]))
    names.says("dual.test", Says(["dual.test. 300 A 127.0.0.1", "dual.test. 300 AAAA ::1"]))
    async with ScriptedServer() as server:
        connections = pool(idle_timeout=0, strategy=IpStrategy.IPV6_THEN_IPV4)
        bound = replace(hosts(server.port, "dual.test"), source="127.0.0.3")
        outcome = await tried(connections, bound)
        assert isinstance(outcome, Delivered)
        assert dialled(outcome) == ["127.0.0.1"]
        unreachable = await tried(connections, replace(hosts(server.port, "six.test"), source="127.0.0.3"))
    assert isinstance(unreachable, Deferred)
    assert unreachable.code == 451


async def test_one_family_that_cannot_be_looked_up_leaves_the_other(
    pool: Callable[..., Connections], names: NameServer
) -> None:
    names.says("half.test/A", Says(["half.test. 300 A 127.0.0.1"]))
    names.says("half.test/AAAA", SERVFAIL)
    async with ScriptedServer() as server:
        outcome = await tried(pool(idle_timeout=0, strategy=IpStrategy.IPV4_THEN_IPV6), hosts(server.port, "half.test"))
    assert isinstance(outcome, Delivered)


async def test_aliases_and_literal_addresses_and_localhost(pool: Callable[..., Connections], names: NameServer) -> None:
    names.says("alias.test", Says(["alias.test. 300 CNAME mx.test."]))
    async with ScriptedServer() as server:
        connections = pool(idle_timeout=0)
        for name in ("alias.test", "127.0.0.1", "localhost"):
            assert isinstance(await tried(connections, hosts(server.port, name)), Delivered), name
