"""MTA-STS policies: found, fetched and kept, with a real name server, a real web server and a real database."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from services.sender.smtp.targets import Targets
from services.sender.tls.results import TlsResult
from services.sender.tls.sts import StsFinding, StsMode, StsPolicy
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.dns_server import NameServer, Says
from tests.fixtures.http_receiver import Answer, open_http_receiver
from tests.integration.sender.sts_world import DOMAIN, PATH, PLAIN, StsWorld, policy

ENFORCED = StsFinding(StsPolicy(StsMode.ENFORCE, ("mx.test",), 604800))
NONE = StsFinding()


def fault(result: TlsResult) -> StsFinding:
    return StsFinding(fault=result)


def https(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture
async def sts(deployment: Deployment, names: NameServer, authority: trustme.CA) -> AsyncIterator[StsWorld]:
    await deployment.prepare("sender")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with open_http_receiver(tls=https(authority, "mta-sts.a.test", "mta-sts.b.test")) as web:
        world = StsWorld(deployment, names, web, trust)
        world.announce("1")
        world.serve(policy())
        yield world
        for each in world.opened:
            await each.close()


async def test_a_policy_is_fetched_once_however_many_ask(sts: StsWorld) -> None:
    policies = sts.open()
    found = await asyncio.gather(*(policies.of(DOMAIN) for _ in range(50)))
    assert set(found) == {ENFORCED}
    assert await policies.of(DOMAIN) == ENFORCED
    assert sts.fetched == 1
    assert sts.web.received[0].headers["host"].startswith("mta-sts.a.test")
    assert len([name for name, kind, _ in sts.names.asked if kind == "TXT"]) == 1


async def test_a_domain_that_announces_none_is_not_fetched_from(sts: StsWorld) -> None:
    sts.announce(None)
    policies = sts.open()
    assert await policies.of(DOMAIN) == NONE
    assert await policies.of("unknown.test") == NONE
    sts.announce("1", DOMAIN, "v=STSv1; id=2;")
    sts.clock.go(hours=2)
    assert await policies.of(DOMAIN) == NONE
    assert sts.fetched == 0


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (Answer(301, {"Location": "/other", **PLAIN}, policy()), TlsResult.STS_FETCH_ERROR),
        (Answer(404, PLAIN, policy()), TlsResult.STS_FETCH_ERROR),
        (Answer(200, {"Content-Type": "text/html"}, policy()), TlsResult.STS_FETCH_ERROR),
        (Answer(200, PLAIN, policy() + b"x" * 65536), TlsResult.STS_FETCH_ERROR),
        (Answer(200, PLAIN, b"<html>no policy</html>"), TlsResult.STS_POLICY_INVALID),
    ],
    ids=["redirect", "404", "type", "size", "no policy"],
)
async def test_what_is_served_otherwise_is_no_policy(sts: StsWorld, answer: Answer, result: TlsResult) -> None:
    sts.script(answer)
    sts.web.script("/other", Answer(200, PLAIN, policy()))
    policies = sts.open()
    assert await policies.of(DOMAIN) == fault(result)
    assert sts.fetched == 1
    sts.serve(policy())
    sts.clock.go(seconds=299)
    assert await policies.of(DOMAIN) == fault(result), "it is not tried again at once"
    sts.clock.go(seconds=2)
    assert await policies.of(DOMAIN) == ENFORCED


async def test_a_certificate_must_be_the_policy_hosts(sts: StsWorld) -> None:
    sts.announce("1", "c.test")
    assert await sts.open().of("c.test") == fault(TlsResult.STS_WEBPKI_INVALID)
    sts.trust = ssl.create_default_context()
    assert await sts.open().of(DOMAIN) == fault(TlsResult.STS_WEBPKI_INVALID)
    assert sts.fetched == 0


async def test_a_private_web_server_is_not_dialled(sts: StsWorld) -> None:
    assert await sts.open(targets=Targets()).of(DOMAIN) == fault(TlsResult.STS_FETCH_ERROR)
    assert sts.fetched == 0


async def test_a_slow_web_server_is_given_up(sts: StsWorld) -> None:
    sts.script(Answer(200, PLAIN, policy(), gate=asyncio.Event()))
    assert await sts.open(seconds=0.3).of(DOMAIN) == fault(TlsResult.STS_FETCH_ERROR)


async def test_a_slow_web_server_keeps_nobody_else_waiting(sts: StsWorld) -> None:
    gate = asyncio.Event()
    sts.script(Answer(200, PLAIN, policy(), gate=gate))
    sts.announce("1", "b.test")
    sts.serve(policy("testing"), "b.test")
    policies = sts.open(seconds=60, patience=0.5)
    first = asyncio.create_task(policies.of(DOMAIN))

    async def other() -> bool:
        return await policies.of("b.test") is not None

    await eventually(other)
    assert await first is None
    assert await policies.of(DOMAIN) is None, "who comes later does not wait again"
    gate.set()

    async def known() -> bool:
        return await policies.of(DOMAIN) == ENFORCED

    await eventually(known)
    assert sts.web.most_at_once[PATH] >= 1
    assert len([each for each in sts.web.received if each.headers["host"].startswith("mta-sts.a.test")]) == 1


async def test_a_new_id_has_the_policy_fetched_and_the_same_one_does_not(sts: StsWorld) -> None:
    policies = sts.open()
    assert await policies.of(DOMAIN) == ENFORCED
    sts.serve(policy("none"))
    sts.clock.go(minutes=10)
    assert await policies.of(DOMAIN) == ENFORCED
    assert sts.fetched == 1
    sts.announce("2")
    sts.clock.go(minutes=10)
    found = await policies.of(DOMAIN)
    assert found is not None
    assert found.policy is not None
    assert found.policy.mode is StsMode.NONE
    assert sts.fetched == 2


@pytest.mark.parametrize("trouble", ["fetch", "no record", "two records", "servfail"])
async def test_a_kept_policy_outlives_trouble_and_restarts_until_it_ends(sts: StsWorld, trouble: str) -> None:
    assert await sts.open().of(DOMAIN) == ENFORCED
    sts.script(Answer(500, PLAIN, b""))
    match trouble:
        case "fetch":
            sts.announce("2")
        case "no record":
            del sts.names.script["_mta-sts.a.test"]
        case "two records":
            sts.announce("1", DOMAIN, "v=STSv1; id=2;")
        case "servfail":
            sts.names.says("_mta-sts.a.test", Says(rcode="SERVFAIL"))
    restarted = sts.open()
    assert await restarted.of(DOMAIN) == ENFORCED
    sts.clock.go(days=6)
    assert await restarted.of(DOMAIN) == ENFORCED
    sts.clock.go(days=1, minutes=20)
    ended = await restarted.of(DOMAIN)
    assert ended is not None
    assert ended.policy is None


async def test_a_policy_that_is_used_is_fetched_again_before_it_ends(sts: StsWorld) -> None:
    policies = sts.open()
    assert await policies.of(DOMAIN) == ENFORCED
    assert await policies.refresh() == 0
    sts.clock.go(days=1, minutes=1)
    sts.serve(policy("testing"))
    assert await sts.open().refresh() == 1, "by whichever process"
    assert await policies.refresh() == 0
    assert sts.fetched == 2
    sts.script(Answer(500))
    sts.clock.go(days=1, minutes=1)
    assert await policies.refresh() == 1
    assert await policies.refresh() == 0
    found = await policies.of(DOMAIN)
    assert found is not None
    assert found.policy is not None
    assert found.policy.mode is StsMode.TESTING, "a refresh that fails takes nothing away"
    sts.clock.go(hours=1, minutes=1)
    assert await policies.refresh() == 1


async def test_a_policy_that_nobody_uses_is_let_go(sts: StsWorld) -> None:
    sts.serve(policy(max_age=31_557_600))
    policies = sts.open()
    await policies.of(DOMAIN)
    sts.clock.go(days=31)
    assert await policies.refresh() == 0
    await policies.of(DOMAIN)
    assert await policies.refresh() == 1
