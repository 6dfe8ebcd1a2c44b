"""Conversations under MTA-STS policies, with hosts whose certificates are in order or not."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme
from prometheus_client import REGISTRY

from services.sender.smtp.attempt import attempt
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import BounceClass, Deferred, Delivered, Outcome, Stage
from services.sender.tls.results import PolicyType, TlsResult
from services.sender.tls.sts import StsFinding, StsMode, StsPolicy
from shared.contracts.messages import Host, TlsMode
from tests.fixtures.dns_server import NameServer, Says
from tests.fixtures.scripted_smtp import Act, Close, Raw, ScriptedServer
from tests.integration.sender.attempts import NAME, egress, transaction

STARTTLS = ("STARTTLS",)


def finding(mode: StsMode, *mx: str) -> StsFinding:
    return StsFinding(StsPolicy(mode, mx or (NAME,), 86400))


ENFORCED, TESTED = finding(StsMode.ENFORCE), finding(StsMode.TESTING)


@pytest.fixture(scope="module")
def other_tls(authority: trustme.CA) -> ssl.SSLContext:
    """Of a certificate for another name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.test").configure_cert(context)
    return context


async def sent(connections: Connections, *ports: int, tls: TlsMode = TlsMode.OPPORTUNISTIC, **changes: Any) -> Outcome:
    way = egress(*ports, tls=tls, domain="a.test", **changes)
    outcome = await attempt(connections, way, transaction())
    assert isinstance(outcome, Outcome)
    return outcome


def sessions(policy: PolicyType, result: TlsResult) -> float:
    labels = {"policy": str(policy), "result": str(result)}
    return REGISTRY.get_sample_value("posthorn_tls_sessions_total", labels) or 0


async def test_a_host_that_keeps_the_policy(pool: Callable[..., Connections], server_tls: ssl.SSLContext) -> None:
    before = sessions(PolicyType.STS, TlsResult.SUCCESS)
    async with ScriptedServer(extensions=STARTTLS, tls=server_tls) as server:
        connections = pool()
        for _ in range(2):
            outcome = await sent(connections, server.port, sts=ENFORCED)
            assert isinstance(outcome, Delivered), outcome
        assert outcome.to_data()["tls"] == {
            "version": outcome.tls_version,
            "cipher": outcome.tls_cipher,
            "policy": "sts",
            "result": "success",
        }
        connections.close()
        assert server.session.tls
    assert sessions(PolicyType.STS, TlsResult.SUCCESS) == before + 1, "sessions are counted, not messages"


@pytest.mark.parametrize(
    ("script", "extensions", "certificate", "result"),
    [
        ({}, (), None, TlsResult.STARTTLS_NOT_SUPPORTED),
        ({}, STARTTLS, "other", TlsResult.HOST_MISMATCH),
        ({}, STARTTLS, "stranger", TlsResult.NOT_TRUSTED),
        ({}, STARTTLS, "expired", TlsResult.EXPIRED),
        ({"STARTTLS": Raw(b"220 go\r\nthis is no TLS\r\n")}, STARTTLS, None, TlsResult.VALIDATION_FAILURE),
        ({"STARTTLS": "454 4.7.0 not now"}, STARTTLS, None, TlsResult.STARTTLS_NOT_SUPPORTED),
    ],
)
@pytest.mark.parametrize("mode", [StsMode.ENFORCE, StsMode.TESTING])
async def test_a_host_that_does_not_keep_the_policy(
    pool: Callable[..., Connections],
    certificates: dict[str, ssl.SSLContext],
    script: dict[str, Act | list[Act]],
    extensions: tuple[str, ...],
    certificate: str | None,
    result: TlsResult,
    mode: StsMode,
) -> None:
    before = sessions(PolicyType.STS, result)
    tls = certificates[certificate] if certificate else None
    async with ScriptedServer(script, extensions=extensions, tls=tls) as server:
        outcome = await sent(pool(idle_timeout=0), server.port, sts=finding(mode))
        said = [verb for session in server.sessions for verb in session.verbs]
    assert (outcome.tls_policy, outcome.tls_result) == (PolicyType.STS, result)
    assert sessions(PolicyType.STS, result) == before + 1
    if mode is StsMode.TESTING:
        assert isinstance(outcome, Delivered)
        return
    assert isinstance(outcome, Deferred)
    assert (outcome.stage, outcome.class_) == (Stage.STARTTLS, BounceClass.TLS)
    assert "MAIL" not in said


@pytest.fixture(scope="module")
def certificates(authority: trustme.CA, other_tls: ssl.SSLContext) -> dict[str, ssl.SSLContext]:
    made = {"other": other_tls}
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for name, issued in (
        ("stranger", trustme.CA().issue_cert(NAME)),
        ("expired", authority.issue_cert(NAME, not_after=yesterday)),
    ):
        made[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(made[name])
    return made


async def test_hosts_that_the_policy_does_not_name_are_passed_over(
    pool: Callable[..., Connections], names: NameServer, server_tls: ssl.SSLContext
) -> None:
    names.says("evil.test", Says(["evil.test. 300 A 127.0.0.1"]))
    async with (
        ScriptedServer(extensions=STARTTLS, tls=server_tls) as evil,
        ScriptedServer(extensions=STARTTLS, tls=server_tls) as good,
    ):
        way = egress(evil.port, tls=TlsMode.OPPORTUNISTIC, domain="a.test", sts=ENFORCED)
        hosts = (Host(name="evil.test", port=evil.port), Host(name=NAME, port=good.port))
        assert isinstance(await attempt(pool(idle_timeout=0), replace(way, hosts=hosts), transaction()), Delivered)
        nothing_left = await attempt(pool(idle_timeout=0), replace(way, hosts=hosts[:1]), transaction())
        assert not evil.sessions
    assert isinstance(nothing_left, Deferred)
    assert (nothing_left.code, nothing_left.enhanced, nothing_left.class_) == (451, "4.7.5", BounceClass.TLS)
    assert nothing_left.to_data()["tls"] == {"policy": "sts", "result": "validation-failure"}


@pytest.mark.parametrize("local", [TlsMode.DISABLED, TlsMode.OPPORTUNISTIC, TlsMode.REQUIRED])
async def test_domains_with_one_host_and_different_policies_share_no_connection(
    pool: Callable[..., Connections], server_tls: ssl.SSLContext, local: TlsMode
) -> None:
    async with ScriptedServer(extensions=STARTTLS, tls=server_tls) as server:
        connections = pool()
        for policy in (None, ENFORCED, TESTED, None, finding(StsMode.ENFORCE, "*.test"), TESTED):
            assert isinstance(await sent(connections, server.port, tls=local, sts=policy), Delivered)
        connections.close()
        assert [(session.tls, session.dots) for session in server.sessions] == [
            (local is not TlsMode.DISABLED, 2),
            (True, 2),
            (True, 2),
        ]


async def test_a_policy_that_could_not_be_had_is_reported_and_holds_up_nothing(
    pool: Callable[..., Connections], other_tls: ssl.SSLContext
) -> None:
    async with ScriptedServer(extensions=STARTTLS, tls=other_tls) as server:
        outcome = await sent(pool(idle_timeout=0), server.port, sts=StsFinding(fault=TlsResult.STS_FETCH_ERROR))
    assert isinstance(outcome, Delivered)
    assert (outcome.tls_policy, outcome.tls_result) == (PolicyType.STS, TlsResult.STS_FETCH_ERROR)
    assert outcome.tls_version is not None


async def test_what_is_known_of_broken_tls_takes_nothing_from_a_policy(
    pool: Callable[..., Connections], server_tls: ssl.SSLContext
) -> None:
    broken: dict[str, Act | list[Act]] = {"STARTTLS": Close("220 go")}
    async with ScriptedServer(broken, {}, extensions=STARTTLS, tls=server_tls) as server:
        connections = pool(idle_timeout=0)
        first = await sent(connections, server.port)
        assert isinstance(first, Delivered)
        assert (first.tls_version, first.tls_result) == (None, TlsResult.VALIDATION_FAILURE)
        again = await sent(connections, server.port)
        assert (again.tls_version, again.tls_result) == (None, TlsResult.VALIDATION_FAILURE)
        for policy in (ENFORCED, TESTED):
            outcome = await sent(connections, server.port, sts=policy)
            assert (outcome.tls_policy, outcome.tls_result) == (PolicyType.STS, TlsResult.SUCCESS)
        assert isinstance(await sent(connections, server.port, tls=TlsMode.REQUIRED), Delivered)
        assert [session.tls for session in server.sessions] == [False, False, False, True, True, True]
