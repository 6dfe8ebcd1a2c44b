"""DANE against a signed zone, through a validating resolver that others wrote (Debian's unbound)."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.router.dns import MxCache
from services.router.mx import Finding
from services.sender.dns import Lookups
from services.sender.smtp.attempt import attempt
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import BounceClass, Deferred, Delivered, Outcome, Stage
from services.sender.tls.results import PolicyType, TlsResult
from services.sender.tls.sts import StsFinding, StsMode, StsPolicy
from shared.contracts.messages import Host, TlsMode
from shared.dns import make_resolver
from tests.fixtures.scripted_smtp import ScriptedServer
from tests.fixtures.signed_zone import Zone
from tests.fixtures.unbound import validating_resolver
from tests.integration.sender.attempts import egress, transaction

HOST = "mx.signed.test"
PATIENCE = 10


def digest(pem: bytes, selector: int = 1) -> str:
    certificate = x509.load_pem_x509_certificate(pem)
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key if selector else certificate.public_bytes(Encoding.DER)).hexdigest()


@dataclass
class Peer:
    """A host with a certificate that nothing but a TLSA record can stand for."""

    server: ScriptedServer
    leaf: bytes
    authority: bytes

    def tlsa(self, usage: int, host: str = "mx", data: str | None = None) -> str:
        pem = self.leaf if usage in (1, 3) else self.authority
        return f"_{self.server.port}._tcp.{host} 300 TLSA {usage} 1 1 {data or digest(pem)}"


@asynccontextmanager
async def peer(name: str = HOST, *, starttls: bool = True, **changes: Any) -> AsyncIterator[Peer]:
    authority = trustme.CA()
    issued = authority.issue_cert(name)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with trustme.Blob(issued.private_key_and_cert_chain_pem.bytes() + authority.cert_pem.bytes()).tempfile() as chain:
        tls.load_cert_chain(chain)
    async with ScriptedServer(extensions=["STARTTLS"] if starttls else [], tls=tls, **changes) as server:
        yield Peer(server, issued.cert_chain_pems[0].bytes(), authority.cert_pem.bytes())


@pytest.fixture
def signed() -> Zone:
    zone = Zone("signed.test.")
    zone.add("@ 300 MX 10 mx", "mx 300 A 127.0.0.1")
    return zone


@dataclass
class Resolving:
    """Attempts at hosts that the resolver is asked about."""

    pool: Callable[..., Connections]
    folder: Path

    async def outcome(self, peer: Peer, *zones: Zone, hosts: tuple[str, ...] = (HOST,), **changes: Any) -> Outcome:
        async with validating_resolver(self.folder, *zones) as resolver:
            way = replace(
                egress(peer.server.port, tls=TlsMode.OPPORTUNISTIC, domain="signed.test", dane=True),
                hosts=tuple(Host(name=name, port=peer.server.port) for name in hosts),
            )
            connections = self.pool(nameserver=resolver)
            outcome = await attempt(connections, replace(way, **changes), transaction())
            connections.close()
        assert isinstance(outcome, Outcome)
        return outcome


@pytest.fixture
def resolving(pool: Callable[..., Connections], tmp_path: Path) -> Resolving:
    return Resolving(pool, tmp_path)


def was(outcome: Outcome) -> tuple[type[Outcome], PolicyType | None, TlsResult | None]:
    return type(outcome), outcome.tls_policy, outcome.tls_result


@pytest.mark.parametrize("usage", [2, 3])
async def test_a_certificate_that_a_record_names(resolving: Resolving, signed: Zone, usage: int) -> None:
    async with peer() as host:
        signed.add(host.tlsa(usage), host.tlsa(3, data="00" * 32))
        outcome = await resolving.outcome(host, signed)
        assert was(outcome) == (Delivered, PolicyType.TLSA, TlsResult.SUCCESS), outcome
        assert host.server.session.tls


@pytest.mark.parametrize(
    ("usage", "name", "result"),
    [(3, "any.name.test", TlsResult.SUCCESS), (2, "any.name.test", TlsResult.HOST_MISMATCH),
     (2, "signed.test", TlsResult.SUCCESS)],
)  # fmt: skip
async def test_names_count_only_below_an_authority(
    resolving: Resolving, signed: Zone, usage: int, name: str, result: TlsResult
) -> None:
    async with peer(name) as host:
        signed.add(host.tlsa(usage))
        outcome = await resolving.outcome(host, signed)
    kind = Delivered if result is TlsResult.SUCCESS else Deferred
    assert was(outcome) == (kind, PolicyType.TLSA, result)


async def test_a_certificate_that_no_record_names_gets_nothing_and_the_next_host_does(
    resolving: Resolving, signed: Zone
) -> None:
    async with peer() as host:
        signed.add(
            host.tlsa(3, data="00" * 32), "mx2 300 A 127.0.0.1", host.tlsa(3, "mx2"), host.tlsa(2, data="11" * 32)
        )
        refused = await resolving.outcome(host, signed)
        assert was(refused) == (Deferred, PolicyType.TLSA, TlsResult.VALIDATION_FAILURE)
        assert (refused.stage, refused.class_) == (Stage.STARTTLS, BounceClass.TLS)
        assert "MAIL" not in host.server.session.verbs
        outcome = await resolving.outcome(host, signed, hosts=(HOST, "mx2.signed.test"))
    assert was(outcome) == (Delivered, PolicyType.TLSA, TlsResult.SUCCESS)
    assert outcome.host == "mx2.signed.test"


async def test_a_host_with_records_and_without_starttls_gets_nothing(resolving: Resolving, signed: Zone) -> None:
    async with peer(starttls=False) as host:
        signed.add(host.tlsa(3))
        outcome = await resolving.outcome(host, signed)
        assert was(outcome) == (Deferred, PolicyType.TLSA, TlsResult.STARTTLS_NOT_SUPPORTED)
        assert "MAIL" not in host.server.session.verbs


@pytest.mark.parametrize("starttls", [True, False])
async def test_records_that_cannot_be_used_ask_for_tls_alone(
    resolving: Resolving, signed: Zone, starttls: bool
) -> None:
    async with peer("any.name.test", starttls=starttls) as host:
        signed.add(host.tlsa(1))
        outcome = await resolving.outcome(host, signed)
    if starttls:
        assert was(outcome) == (Delivered, PolicyType.TLSA, TlsResult.TLSA_INVALID)
    else:
        assert was(outcome) == (Deferred, PolicyType.TLSA, TlsResult.STARTTLS_NOT_SUPPORTED)


async def test_without_records_or_without_signatures_our_own_setting_stands(resolving: Resolving, signed: Zone) -> None:
    plain = Zone("plain.test.", signed=False)
    async with peer() as host:
        plain.add("mx 300 A 127.0.0.1", host.tlsa(3, data="00" * 32))
        absent = await resolving.outcome(host, signed)
        assert was(absent) == (Delivered, PolicyType.NONE, TlsResult.SUCCESS)
        unsigned = await resolving.outcome(host, signed, plain, hosts=("mx.plain.test",))
        assert was(unsigned) == (Delivered, PolicyType.NONE, TlsResult.SUCCESS)
        place = f"_{host.server.port}._tcp"
        plain.add("alias 300 CNAME elsewhere.signed.test.", f"tlsa 300 TLSA 3 1 1 {'00' * 32}")
        signed.add("elsewhere 300 A 127.0.0.1", host.tlsa(3, "elsewhere", "00" * 32))
        signed.add("half 300 A 127.0.0.1", f"{place}.half 300 CNAME tlsa.plain.test.")
        for name in ("alias.plain.test", "half.signed.test"):
            partly = await resolving.outcome(host, signed, plain, hosts=(name,))
            assert was(partly) == (Delivered, PolicyType.NONE, TlsResult.SUCCESS), name
        signed.add(host.tlsa(3, data="00" * 32))
        off = await resolving.outcome(host, signed, dane=False)
        assert was(off) == (Delivered, PolicyType.NONE, TlsResult.SUCCESS)


@pytest.mark.parametrize("kind", ["TLSA", "A"])
async def test_a_bogus_answer_defers(resolving: Resolving, signed: Zone, kind: str) -> None:
    async with peer() as host:
        signed.add(host.tlsa(3))
        signed.spoil("mx" if kind == "A" else f"_{host.server.port}._tcp.mx", kind)
        outcome = await resolving.outcome(host, signed)
        assert isinstance(outcome, Deferred), outcome
        assert not host.server.sessions
    if kind == "TLSA":
        assert (outcome.tls_policy, outcome.tls_result) == (PolicyType.TLSA, TlsResult.DNSSEC_INVALID)
        assert (outcome.code, outcome.enhanced) == (451, "4.7.5")
        assert "SERVFAIL" in outcome.text
    else:
        assert (outcome.code, outcome.enhanced) == (451, "4.4.4")


async def test_an_aliased_host_is_asked_about_where_its_alias_leads(resolving: Resolving, signed: Zone) -> None:
    async with peer("real.signed.test") as host:
        signed.add("alias 300 CNAME real", "real 300 A 127.0.0.1", host.tlsa(2, "real"), host.tlsa(3, "mx"))
        outcome = await resolving.outcome(host, signed, hosts=("alias.signed.test",))
    assert was(outcome) == (Delivered, PolicyType.TLSA, TlsResult.SUCCESS)


async def test_dane_goes_before_mta_sts(resolving: Resolving, signed: Zone) -> None:
    elsewhere = StsFinding(StsPolicy(StsMode.ENFORCE, ("mx.other.test",), 86400))
    async with peer() as host:
        refused = await resolving.outcome(host, signed, sts=elsewhere)
        assert was(refused) == (Deferred, PolicyType.STS, TlsResult.VALIDATION_FAILURE)
        signed.add(host.tlsa(3))
        outcome = await resolving.outcome(host, signed, sts=elsewhere)
        assert was(outcome) == (Delivered, PolicyType.TLSA, TlsResult.SUCCESS)
        named = StsFinding(StsPolicy(StsMode.ENFORCE, (HOST,), 86400))
        signed.spoil(f"_{host.server.port}._tcp.mx", "TLSA")
        assert was(await resolving.outcome(host, signed, sts=named))[0] is Deferred


async def test_the_router_knows_which_mx_records_are_validated(signed: Zone, tmp_path: Path) -> None:
    plain = Zone("plain.test.", signed=False)
    plain.add("@ 300 MX 10 mx.signed.test.")
    signed.add("implicit 300 A 127.0.0.1", "bogus 300 MX 10 mx")
    signed.spoil("bogus", "MX")
    domains = ["signed.test", "implicit.signed.test", "plain.test", "bogus.signed.test", "gone.signed.test"]
    async with validating_resolver(tmp_path, signed, plain) as resolver:
        cache = MxCache(make_resolver([resolver], 5))
        found = await cache.look_up(domains, PATIENCE)
        await cache.close()
    assert [(found[domain].finding, found[domain].authentic) for domain in domains] == [
        (Finding.MX, True),
        (Finding.IMPLICIT, True),
        (Finding.MX, False),
        (Finding.FAILED, False),
        (Finding.NO_SUCH_DOMAIN, False),
    ]
    assert found["bogus.signed.test"].detail == "SERVFAIL"


async def test_a_resolver_that_does_not_validate_the_root_is_noticed(signed: Zone, tmp_path: Path) -> None:
    root = Zone(".")
    async with validating_resolver(tmp_path, root) as resolver:
        lookups = Lookups(make_resolver([resolver], 5))
        assert await lookups.validates()
    async with validating_resolver(tmp_path, Zone(".", signed=False)) as resolver:
        lookups = Lookups(make_resolver([resolver], 5))
        assert not await lookups.validates()
