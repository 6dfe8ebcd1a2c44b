"""Certificates against TLSA records, with certificates that trustme makes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from services.sender.tls.results import TlsResult
from services.sender.tls.tlsa import Tlsa, check_chain, usable_of

HOST = "mx.a.test"
NOW = datetime.now(UTC)


def der(pem: trustme.Blob) -> bytes:
    return x509.load_pem_x509_certificate(pem.bytes()).public_bytes(Encoding.DER)


def chain_of(authority: trustme.CA, *names: str, **how: datetime) -> list[bytes]:
    """What a host shows: its own certificate, those between, and the root."""
    shown = [der(pem) for pem in authority.issue_cert(*names, **how).cert_chain_pems]
    return [*shown, der(authority.cert_pem)]


def record(usage: int, selector: int, matching: int, certificate: bytes) -> Tlsa:
    selected = certificate
    if selector == 1:
        key = x509.load_der_x509_certificate(certificate).public_key()
        selected = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    hashed = {0: lambda data: data, 1: lambda data: hashlib.sha256(data).digest(),
              2: lambda data: hashlib.sha512(data).digest()}  # fmt: skip
    return Tlsa(usage, selector, matching, hashed[matching](selected))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_usage_3_is_of_the_hosts_own_certificate_and_of_nothing_else(
    authority: trustme.CA, selector: int, matching: int
) -> None:
    expired = chain_of(authority, "any.other.name", not_after=NOW - timedelta(days=1))
    mine = record(3, selector, matching, expired[0])
    assert mine.usable
    assert check_chain([mine], expired[:1], [HOST], NOW) is None
    theirs = chain_of(authority, HOST)
    assert check_chain([mine], theirs, [HOST], NOW) is TlsResult.VALIDATION_FAILURE
    assert check_chain([record(3, selector, matching, theirs[-1])], theirs, [HOST], NOW) is not None


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_usage_2_is_of_an_authority_that_the_host_shows(authority: trustme.CA, selector: int, matching: int) -> None:
    between = authority.create_child_ca()
    shown = chain_of(between, HOST)
    root = der(authority.cert_pem)
    if root not in shown:
        shown.append(root)
    for anchor in {shown[1], root}:
        assert check_chain([record(2, selector, matching, anchor)], shown, [HOST], NOW) is None
    assert check_chain([record(2, selector, matching, root)], shown[:1], [HOST], NOW) is TlsResult.VALIDATION_FAILURE
    assert check_chain([record(2, selector, matching, shown[0])], shown, [HOST], NOW) is not None


def test_usage_2_wants_a_name_a_date_and_a_chain(authority: trustme.CA) -> None:
    anchor = record(2, 0, 1, der(authority.cert_pem))
    shown = chain_of(authority, "other.test")
    assert check_chain([anchor], shown, [HOST], NOW) is TlsResult.HOST_MISMATCH
    assert check_chain([anchor], shown, [HOST, "other.test"], NOW) is None
    assert check_chain([anchor], chain_of(authority, "*.a.test"), [HOST], NOW) is None
    old = chain_of(authority, HOST, not_after=NOW - timedelta(days=1))
    assert check_chain([anchor], old, [HOST], NOW) is TlsResult.EXPIRED
    stranger = [*chain_of(trustme.CA(), HOST)[:1], der(authority.cert_pem)]
    assert check_chain([anchor], stranger, [HOST], NOW) is TlsResult.NOT_TRUSTED


def test_an_authority_that_is_none_vouches_for_nobody(authority: trustme.CA) -> None:
    """A host's own certificate cannot stand as the authority of another one."""
    leaf = chain_of(authority, HOST)[0]
    shown = [chain_of(trustme.CA(), HOST)[0], leaf]
    assert check_chain([record(2, 0, 1, leaf)], shown, [HOST], NOW) is TlsResult.NOT_TRUSTED


@given(st.lists(st.binary(max_size=40), max_size=3))
def test_what_is_no_certificate_is_a_failure(chain: list[bytes]) -> None:
    assert check_chain([Tlsa(3, 1, 1, b"x" * 32)], chain, [HOST], NOW) is TlsResult.VALIDATION_FAILURE


@given(
    st.lists(
        st.builds(
            Tlsa,
            st.integers(0, 4),
            st.integers(0, 2),
            st.integers(0, 3),
            st.sampled_from([b"", b"x", b"x" * 32, b"x" * 64]),
        )
    )
)
def test_of_digests_the_strongest_count(records: list[Tlsa]) -> None:
    usable = usable_of(records)
    for each in usable:
        assert each.usage in (2, 3)
        assert each.selector in (0, 1)
        assert len(each.data) == {1: 32, 2: 64}.get(each.matching, len(each.data)) > 0
        stronger = {other.matching for other in usable if (other.usage, other.selector) == (each.usage, each.selector)}
        assert not stronger >= {1, 2}
    assert bool(usable) is any(record.usable for record in records)
    assert usable_of(list(reversed(records))) == usable
