"""MX look-ups against a real name server: every result told apart, cached for its time, asked for once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.router.dns import MxCache
from services.router.mx import Finding, Mx, MxHost, rollup_of
from services.router.settings import Settings
from shared.dns import make_resolver
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.dns_server import NameServer, Says, soa

PATIENCE = 10


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Lookups:
    """A cache over the scripted server, with a clock of its own."""

    def __init__(self, settings: Settings) -> None:
        self.clock = Clock()
        self.cache = MxCache(
            make_resolver(settings.nameservers, settings.dns_timeout_seconds), ["mx.ours.test"], self.clock
        )

    async def of(self, domain: str) -> Mx:
        return (await self.cache.look_up([domain], PATIENCE))[domain]


@pytest.fixture
async def lookups(deployment: Deployment, names: NameServer) -> AsyncIterator[Lookups]:
    made = Lookups(deployment.settings(Settings, nameservers=[names.address], dns_timeout_seconds=2))
    yield made
    await made.cache.close()


async def test_mx_records_are_read_in_lower_case(lookups: Lookups, names: NameServer) -> None:
    names.mx("a.test", "10 MX1.A.Test.", "20 mx2.a.test.")
    found = await lookups.of("a.test")
    assert found.finding is Finding.MX
    assert set(found.hosts) == {MxHost(10, "mx1.a.test"), MxHost(20, "mx2.a.test")}


async def test_a_domain_without_mx_is_its_own_mail_host(lookups: Lookups, names: NameServer) -> None:
    names.mx("a.test")
    assert await lookups.of("a.test") == Mx(Finding.IMPLICIT, "a.test", (MxHost(0, "a.test"),))


async def test_null_mx(lookups: Lookups, names: NameServer) -> None:
    names.mx("a.test", "0 .")
    assert (await lookups.of("a.test")).finding is Finding.NULL_MX


async def test_a_root_among_other_hosts_is_ignored(lookups: Lookups, names: NameServer) -> None:
    names.mx("a.test", "0 .", "5 mx.a.test.")
    assert (await lookups.of("a.test")).hosts == (MxHost(5, "mx.a.test"),)


async def test_a_name_that_does_not_exist(lookups: Lookups) -> None:
    assert (await lookups.of("gone.test")).finding is Finding.NO_SUCH_DOMAIN


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
async def test_trouble_of_the_resolver_is_neither_an_answer_nor_implicit_mx(
    lookups: Lookups, names: NameServer, rcode: str
) -> None:
    names.says("a.test", Says(rcode=rcode))
    assert await lookups.of("a.test") == Mx(Finding.FAILED, "a.test", detail=rcode)


async def test_silence_is_a_failure_and_one_lost_datagram_is_not(lookups: Lookups, names: NameServer) -> None:
    names.says("silent.test", Says(silent=True))
    names.says("slow.test", Says(silent=True), Says(["slow.test. 300 MX 10 mx.slow.test."]))
    silent, slow = await asyncio.gather(lookups.of("silent.test"), lookups.of("slow.test"))
    assert silent == Mx(Finding.FAILED, "silent.test", detail="timed out")
    assert slow.hosts == (MxHost(10, "mx.slow.test"),)


@pytest.mark.parametrize("whole", [True, False])
async def test_aliases_are_followed(lookups: Lookups, names: NameServer, whole: bool) -> None:
    """Whether the server gives the whole chain or one link of it at a time."""
    chain = ["a.test. 300 CNAME b.test.", "b.test. 300 CNAME c.test.", "c.test. 300 MX 10 mx.c.test."]
    names.says("a.test", Says(chain if whole else chain[:1]))
    names.says("b.test", Says(chain[1:2]))
    names.says("c.test", Says(chain[2:]))
    assert await lookups.of("a.test") == Mx(Finding.MX, "c.test", (MxHost(10, "mx.c.test"),))


async def test_an_alias_of_a_domain_without_mx_leads_to_that_domain(lookups: Lookups, names: NameServer) -> None:
    names.says("a.test", Says(["a.test. 300 CNAME b.test."]))
    names.mx("b.test")
    assert await lookups.of("a.test") == Mx(Finding.IMPLICIT, "b.test", (MxHost(0, "b.test"),))


async def test_an_alias_of_nothing_and_aliases_in_a_circle(lookups: Lookups, names: NameServer) -> None:
    names.says("a.test", Says(["a.test. 300 CNAME gone.test."], rcode="NXDOMAIN"))
    names.says("b.test", Says(["b.test. 300 CNAME c.test."]))
    names.says("c.test", Says(["c.test. 300 CNAME b.test."]))
    assert (await lookups.of("a.test")).finding is Finding.NO_SUCH_DOMAIN
    assert (await lookups.of("b.test")).finding is Finding.FAILED


async def test_twenty_hosts_do_not_fit_a_datagram_and_come_over_tcp(lookups: Lookups, names: NameServer) -> None:
    hosts = [f"{number} {'x' * 60}.mx{number}.{'y' * 60}.test." for number in range(20)]
    names.mx("a.test", *hosts)
    found = await lookups.of("a.test")
    assert sorted(host.preference for host in found.hosts) == list(range(20))
    assert [over for _, _, over in names.asked] == ["udp", "tcp"]


async def test_mail_is_not_routed_back_to_ourselves(lookups: Lookups, names: NameServer) -> None:
    names.mx("backup.test", "5 mx.theirs.test.", "10 mx.ours.test.", "10 mx.equal.test.", "20 mx.worse.test.")
    names.mx("ours.test", "10 mx.ours.test.", "10 mx.equal.test.")
    assert (await lookups.of("backup.test")).hosts == (MxHost(5, "mx.theirs.test"),)
    assert (await lookups.of("ours.test")).finding is Finding.MAIL_LOOP


async def test_what_is_no_domain_name_needs_no_question(lookups: Lookups, names: NameServer) -> None:
    assert (await lookups.of("a..test")).finding is Finding.NO_SUCH_DOMAIN
    assert (await lookups.of(f"{'x' * 64}.test")).finding is Finding.NO_SUCH_DOMAIN
    assert names.asked == []


@pytest.mark.parametrize(
    ("says", "kept"),
    [
        (Says(["a.test. 300 MX 10 mx.a.test."]), 300),
        (Says(["a.test. 5 MX 10 mx.a.test."]), 60),
        (Says(["a.test. 86400 MX 10 mx.a.test."]), 3600),
        (Says(["a.test. 300 CNAME b.test.", "b.test. 120 MX 10 mx.b.test."]), 120),
        (Says(authority=[soa("a.test", 400, 200)]), 200),
        (Says(authority=[soa("a.test", 90_000)]), 900),
        (Says(rcode="NXDOMAIN", authority=[soa("test", 400, 200)]), 200),
        (Says(rcode="NXDOMAIN", authority=[soa("test", 5)]), 60),
        (Says(rcode="NXDOMAIN", authority=[soa("test", 90_000)]), 900),
        (Says(rcode="SERVFAIL"), 10),
    ],
)
async def test_an_answer_is_kept_for_its_ttl_within_bounds(
    lookups: Lookups, names: NameServer, says: Says, kept: float
) -> None:
    names.says("a.test", says)
    first = await lookups.of("a.test")
    lookups.clock.now += kept - 1
    assert await lookups.of("a.test") == first
    asked = len(names.asked)
    assert asked == 1
    lookups.clock.now += 1.5
    await lookups.of("a.test")
    assert len(names.asked) == asked + 1


async def test_look_ups_under_way_are_shared(lookups: Lookups, names: NameServer) -> None:
    names.mx("a.test", "10 mx.a.test.")
    found = await asyncio.gather(*(lookups.of("a.test") for _ in range(20)))
    assert len(set(found)) == 1
    assert len(names.asked) == 1


async def test_a_slow_answer_is_not_waited_for_and_is_there_for_the_next(lookups: Lookups, names: NameServer) -> None:
    answered = asyncio.Event()
    names.says("slow.test", Says(["slow.test. 300 MX 10 mx.slow.test."], once=answered))
    names.mx("quick.test", "10 mx.quick.test.")

    async def quick() -> bool:
        return "quick.test" in await lookups.cache.look_up(["quick.test", "slow.test"], 0.05)

    await eventually(quick)
    assert await lookups.cache.look_up(["slow.test"], 0) == {}
    answered.set()
    assert (await lookups.of("slow.test")).hosts == (MxHost(10, "mx.slow.test"),)
    assert [name for name, _, _ in names.asked].count("slow.test") == 1


async def test_domains_with_the_same_hosts_share_a_rollup(lookups: Lookups, names: NameServer) -> None:
    names.mx("a.test", "10 mx1.shared.test.", "20 mx2.shared.test.")
    names.mx("b.test", "30 mx2.shared.test.", "30 MX1.shared.test.")
    names.mx("c.test", "10 mx1.shared.test.")
    a, b, c = [rollup_of(await lookups.of(domain)) for domain in ("a.test", "b.test", "c.test")]
    assert a == b != c
    assert a.startswith("mx:")
    assert len(a) == len("mx:") + 16


@pytest.mark.parametrize("failure", [Says(rcode="SERVFAIL"), Says(rcode="REFUSED"), Says(silent=True)])
async def test_a_failure_is_soon_forgotten_and_the_answer_behind_it_is_taken(
    lookups: Lookups, names: NameServer, failure: Says
) -> None:
    names.says("a.test", failure)
    assert (await lookups.of("a.test")).finding is Finding.FAILED
    names.mx("a.test", "10 mx.a.test.")
    assert (await lookups.of("a.test")).finding is Finding.FAILED
    lookups.clock.now += 31
    assert await lookups.of("a.test") == Mx(Finding.MX, "a.test", (MxHost(10, "mx.a.test"),))
