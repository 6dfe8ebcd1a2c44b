"""The walk over hosts and addresses: how far it goes, and what a host without a usable address comes to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from services.sender.smtp.attempt import attempt
from services.sender.smtp.connections import Connections, Resolve, resolve_ipv4
from services.sender.smtp.outcomes import BounceClass, Bounced, Deferred, Delivered, Outcome, Stage
from services.sender.smtp.peers import Egress
from shared.contracts.messages import Host
from tests.fixtures.scripted_smtp import ScriptedServer, Silence
from tests.integration.sender.attempts import LONG, MESSAGE, egress, envelope, yes
from tests.integration.sender.estate import closed_port

Found = Sequence[str] | OSError


def finding(found: Mapping[str, Found]) -> Resolve:
    async def resolve(name: str) -> list[str]:
        addresses = found[name]
        if isinstance(addresses, OSError):
            raise addresses
        return list(addresses)

    return resolve


def way_to(port: int, *names: str) -> Egress:
    return replace(egress(), hosts=tuple(Host(name=name, port=port) for name in names))


async def trying(pool: Callable[..., Connections], port: int, found: Mapping[str, Found], **options: object) -> Outcome:
    connections = pool(resolve=finding(found), **options)
    outcome = await attempt(connections, way_to(port, *found), envelope(), MESSAGE, yes)
    connections.close()
    assert isinstance(outcome, Outcome)
    return outcome


def dialled(outcome: Outcome) -> list[str | None]:
    return [step.sent for step in outcome.transcript if step.stage is Stage.CONNECT]


@pytest.mark.parametrize("addresses", [1, 3, 7])
async def test_at_most_five_addresses_are_dialled_however_many_hosts_there_are(
    pool: Callable[..., Connections], addresses: int
) -> None:
    found = {f"mx{host}.test": [f"127.0.{host}.{n + 1}" for n in range(addresses)] for host in range(20)}
    with closed_port() as port:
        outcome = await trying(pool, port, found)
    assert isinstance(outcome, Deferred)
    in_order = [f"{name} [{ip}]:{port}" for name, ips in found.items() for ip in ips]
    assert dialled(outcome) == in_order[:5]


async def test_at_most_two_hosts_get_as_far_as_mail(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer({"MAIL": "421 4.3.2 busy"}) as server:
        outcome = await trying(pool, server.port, {f"mx{host}.test": ["127.0.0.1"] for host in range(20)})
    assert isinstance(outcome, Deferred)
    assert [session.verbs for session in server.sessions] == [["EHLO", "MAIL", "RCPT", "DATA"]] * 2


async def test_the_last_host_has_longer_for_its_greeting(pool: Callable[..., Connections]) -> None:
    timeouts = replace(LONG, banner=0.2, last_banner=0.4)
    async with ScriptedServer({"BANNER": Silence()}) as server:
        found = {"mx1.test": ["127.0.0.1"], "mx2.test": ["127.0.0.1"]}
        outcome = await trying(pool, server.port, found, timeouts=timeouts)
    waits = [step.reply for step in outcome.transcript if step.stage is Stage.BANNER]
    assert waits == ["(timed out: no reply in 0.2 s)", "(timed out: no reply in 0.4 s)"]


FAILS = OSError("SERVFAIL")


@pytest.mark.parametrize(
    ("found", "kind", "code", "enhanced"),
    [
        ({"mx1.test": [], "mx2.test": []}, Bounced, 550, "5.4.4"),
        ({"mx1.test": FAILS, "mx2.test": []}, Deferred, 451, "4.4.4"),
        ({"mx1.test": [], "mx2.test": FAILS}, Deferred, 451, "4.4.4"),
        ({"mx1.test": FAILS}, Deferred, 451, "4.4.4"),
        ({"mx1.test": ["10.0.0.1", "::1"], "mx2.test": []}, Bounced, 550, "5.4.4"),
        ({"mx1.test": ["169.254.169.254"], "mx2.test": FAILS}, Deferred, 451, "4.4.4"),
        ({"mx1.test": ["127.0.0.1"]}, Bounced, 550, "5.4.4"),
        ({"mx1.test": ["192.0.2.9", "203.0.113.9"]}, Bounced, 550, "5.4.4"),
        ({"mx1.test": ["8.8.8.8", "1.1.1.1"]}, Bounced, 554, "5.4.6"),
        ({"mx1.test": FAILS, "mx2.test": ["1.1.1.1"], "mx3.test": []}, Deferred, 451, "4.4.4"),
    ],
)
async def test_hosts_without_a_usable_address(
    pool: Callable[..., Connections], found: Mapping[str, Found], kind: type[Outcome], code: int, enhanced: str
) -> None:
    """For good where the domain's own records say so, and not while any of them cannot be looked up."""
    outcome = await trying(pool, 25, found, allow_private=False, own_addresses=frozenset({"1.1.1.1"}))
    assert (type(outcome), outcome.code, outcome.enhanced) == (kind, code, enhanced)
    assert outcome.class_ is BounceClass.ROUTING_DNS
    assert dialled(outcome) == []
    assert not (isinstance(outcome, Bounced) and outcome.suppresses)


async def test_a_host_that_is_this_system_ends_the_walk(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer() as server:
        found = {"ours.test": ["127.0.0.9"], "backup.test": ["127.0.0.1"]}
        outcome = await trying(pool, server.port, found, own_addresses=frozenset({"127.0.0.9"}))
        assert isinstance(outcome, Bounced)
        assert (outcome.enhanced, server.sessions) == ("5.4.6", [])
        better = {"theirs.test": ["127.0.0.1"], **found}
        assert isinstance(await trying(pool, server.port, better, own_addresses=frozenset({"127.0.0.9"})), Delivered)


async def test_a_host_that_can_be_dialled_makes_up_for_others(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer() as server:
        found: dict[str, Found] = {"mx1.test": [], "mx2.test": FAILS, "mx3.test": ["127.0.0.1"]}
        assert isinstance(await trying(pool, server.port, found), Delivered)


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (socket.EAI_NONAME, []),
        (socket.EAI_NODATA, []),
        (socket.EAI_ADDRFAMILY, []),
        (socket.EAI_AGAIN, None),
        (socket.EAI_FAIL, None),
    ],
)
async def test_an_absence_is_told_from_a_failed_look_up(
    monkeypatch: pytest.MonkeyPatch, error: int, found: list[str] | None
) -> None:
    """By the errors of the system's resolver (RFC 3493 section 6.1)."""

    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(error, "as it says")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    if found is None:
        with pytest.raises(socket.gaierror):
            await resolve_ipv4("mx.example")
    else:
        assert await resolve_ipv4("mx.example") == found
    assert await resolve_ipv4("192.0.2.1") == ["192.0.2.1"]
