"""How TLS went, in the words of TLS reporting (RFC 8460 section 4.3)."""

from __future__ import annotations

import ssl
from enum import StrEnum


class PolicyType(StrEnum):
    """Whose policy a session was held to: the recipient's TLSA records, its MTA-STS policy, or our own setting."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


class TlsResult(StrEnum):
    """The result types of RFC 8460 section 4.3, and `success` for a session that the RFC counts as successful."""

    SUCCESS = "success"
    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    HOST_MISMATCH = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    STS_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"


# openssl/x509_vfy.h
_BY_CODE = {
    10: TlsResult.EXPIRED,  # CERT_HAS_EXPIRED
    **dict.fromkeys((62, 64), TlsResult.HOST_MISMATCH),  # HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH
    **dict.fromkeys((2, 18, 19, 20, 21, 24, 27), TlsResult.NOT_TRUSTED),  # no issuer, self-signed, not a CA, untrusted
}


def result_of(error: BaseException) -> TlsResult:
    """The result type of a handshake that failed with `error`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_CODE.get(error.verify_code, TlsResult.VALIDATION_FAILURE)
    return TlsResult.VALIDATION_FAILURE
