"""TLSA records and the certificates they name (RFC 6698, RFC 7671, RFC 7672). Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from services.sender.tls.names import name_matches
from services.sender.tls.results import TlsResult

DANE_TA, DANE_EE = 2, 3
CERTIFICATE, PUBLIC_KEY = 0, 1
FULL, SHA2_256, SHA2_512 = 0, 1, 2
_DIGEST_BYTES = {SHA2_256: 32, SHA2_512: 64}

_CA = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
_LEAF = ExtensionPolicy.permit_all().require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One record (RFC 6698 section 2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def usable(self) -> bool:
        """Usages 0 and 1 are not for SMTP (RFC 7672 section 3.1.3); what is unknown or cut is for nobody."""
        if self.usage not in (DANE_TA, DANE_EE) or self.selector not in (CERTIFICATE, PUBLIC_KEY):
            return False
        return bool(self.data) if self.matching == FULL else _DIGEST_BYTES.get(self.matching) == len(self.data)

    def names(self, certificate: x509.Certificate) -> bool:
        """Whether this is the certificate, or the key, that the record is of."""
        try:
            selected = (
                certificate.public_bytes(Encoding.DER)
                if self.selector == CERTIFICATE
                else certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            )
        except (UnsupportedAlgorithm, ValueError):
            return False
        if self.matching == SHA2_256:
            selected = hashlib.sha256(selected).digest()
        elif self.matching == SHA2_512:
            selected = hashlib.sha512(selected).digest()
        return selected == self.data


def usable_of(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that count: of those with the same usage and selector, digests of the strongest kind there is
    (RFC 7671 section 9), and those without a digest."""
    usable = [record for record in records if record.usable]
    strongest: dict[tuple[int, int], int] = {}
    for record in usable:
        key = record.usage, record.selector
        strongest[key] = max(strongest.get(key, FULL), record.matching)
    return tuple(
        sorted(
            {each for each in usable if each.matching in (FULL, strongest[each.usage, each.selector])},
            key=lambda each: (-each.usage, each.selector, each.matching, each.data),
        )
    )


def check_chain(
    records: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: datetime
) -> TlsResult | None:
    """What is wrong with the certificates a host showed (DER, its own first); None where a usable record stands for it.

    Usage 3 names the host's own certificate or key, and nothing else of it is looked at (RFC 7672 section 3.1.1). Usage
    2 names an authority that must be among the certificates shown; from it on the chain, its dates and one of `names`
    are checked (section 3.1.2).
    """
    try:
        certificates = [x509.load_der_x509_certificate(each) for each in chain]
    except ValueError:
        return TlsResult.VALIDATION_FAILURE
    if not certificates:
        return TlsResult.VALIDATION_FAILURE
    leaf, others = certificates[0], certificates[1:]
    if any(record.usage == DANE_EE and record.names(leaf) for record in records):
        return None
    authorities = [record for record in records if record.usage == DANE_TA]
    anchors = [each for each in others if any(record.names(each) for record in authorities)]
    if not anchors:
        return TlsResult.VALIDATION_FAILURE
    if any(_verifies(leaf, others, anchors, name, now) for name in names):
        return None
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return TlsResult.EXPIRED
    shown = _names_of(leaf)
    if not any(name_matches(pattern, name) for pattern in shown for name in names):
        return TlsResult.HOST_MISMATCH
    return TlsResult.NOT_TRUSTED


def _verifies(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    name: str,
    now: datetime,
) -> bool:
    try:
        subject = x509.DNSName(name)
        builder = PolicyBuilder().store(Store(list(anchors))).time(now)
        builder = builder.extension_policies(ca_policy=_CA, ee_policy=_LEAF)
        builder.build_server_verifier(subject).verify(leaf, list(others))
    except (VerificationError, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _names_of(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return found.value.get_values_for_type(x509.DNSName)
