"""Which policy a conversation with one host is held to: DANE before MTA-STS before our own setting. Pure.

RFC 8461 section 2: MTA-STS never stands in for DANE that fails.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from services.sender.tls.results import PolicyType, TlsResult
from services.sender.tls.sts import StsFinding, StsMode
from services.sender.tls.tlsa import Tlsa, usable_of
from shared.contracts.messages import TlsMode


@dataclass(frozen=True, slots=True)
class Protection:
    """What the conversation must have. Connections are shared only between equal ones.

    `server_name` is what the peer is told to show a certificate for (SNI), and what `mode` verify checks it against.
    With `tlsa` one of the records must stand for the certificate instead; `names` are those an authority's certificates
    may be for. `otherwise` is what a new connection is tried with where TLS fails. `result` is what is recorded of a
    session that was had, where that is no success.
    """

    policy: PolicyType
    mode: TlsMode
    server_name: str
    tlsa: tuple[Tlsa, ...] = ()
    names: tuple[str, ...] = ()
    otherwise: Protection | None = None
    result: TlsResult | None = None

    def instead(self, failed: TlsResult | None) -> Protection:
        """What is tried where TLS failed: it is reported as a session of this policy, with what failed first."""
        assert self.otherwise is not None
        return replace(self.otherwise, policy=self.policy, result=self.result or failed)


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why a host may not be spoken to now: never for good (RFC 8461 section 5, RFC 7672 section 2.2)."""

    policy: PolicyType
    result: TlsResult
    text: str


@dataclass(frozen=True, slots=True)
class TlsaFinding:
    """What the validated DNS says of a host's TLSA records: no records where there are none; `failed` is why it could
    not be asked. `base` is the name that the records were found under."""

    base: str
    records: tuple[Tlsa, ...] = ()
    failed: str | None = None


@lru_cache(maxsize=4096)  # asked for each message, and nearly always the same
def protect(
    local: TlsMode,
    host: str,
    *,
    domain: str | None = None,
    sts: StsFinding | None = None,
    tlsa: TlsaFinding | None = None,
    clear_allowed: bool = True,
) -> Protection | Withheld:
    """The policy for `host`. `local` is our setting; `domain` the next hop's; `tlsa` is None where DANE does not apply.

    | TLSA | what is asked for |
    |---|---|
    | the look-up failed, or its answer is bogus | nothing is sent now |
    | usable records | STARTTLS, and a certificate that one of them names |
    | only unusable records | STARTTLS; a certificate only where MTA-STS or our setting asks for one |
    | none, or DANE does not apply | what MTA-STS asks for, else our setting |
    """
    if tlsa is not None and tlsa.failed is not None:
        text = f"the TLSA records of {host} cannot be looked up ({tlsa.failed})"
        return Withheld(PolicyType.TLSA, TlsResult.DNSSEC_INVALID, text)
    usable = usable_of(tlsa.records) if tlsa else ()
    if tlsa is not None and usable:
        names = tuple(dict.fromkeys(name for name in (tlsa.base, host, domain) if name))
        return Protection(PolicyType.TLSA, TlsMode.REQUIRED, tlsa.base, usable, names)
    protection = _without_dane(local, host, sts or StsFinding(), clear_allowed)
    if tlsa is None or not tlsa.records:
        return protection
    if isinstance(protection, Withheld) or (protection.mode is TlsMode.VERIFY and protection.otherwise is None):
        return protection
    return Protection(PolicyType.TLSA, TlsMode.REQUIRED, host, result=TlsResult.TLSA_INVALID)


def _without_dane(local: TlsMode, host: str, sts: StsFinding, clear_allowed: bool) -> Protection | Withheld:
    ours = _ours(local, host, clear_allowed)
    mode = sts.policy.mode if sts.policy else StsMode.NONE
    if sts.policy is None or mode is StsMode.NONE:
        if sts.fault is None:
            return ours
        return Protection(PolicyType.STS, ours.mode, host, otherwise=ours.otherwise, result=sts.fault)
    covered = sts.policy.covers(host)
    if mode is StsMode.ENFORCE:
        if covered:
            return Protection(PolicyType.STS, TlsMode.VERIFY, host)
        text = f"the MTA-STS policy of the domain does not name {host}"
        return Withheld(PolicyType.STS, TlsResult.VALIDATION_FAILURE, text)
    if covered:
        otherwise = None if ours.mode is TlsMode.VERIFY else _of_sts(ours)
        return Protection(PolicyType.STS, TlsMode.VERIFY, host, otherwise=otherwise)
    return Protection(PolicyType.STS, ours.mode, host, otherwise=ours.otherwise, result=TlsResult.VALIDATION_FAILURE)


def _ours(local: TlsMode, host: str, clear_allowed: bool) -> Protection:
    clear = None
    if local is TlsMode.OPPORTUNISTIC and clear_allowed:
        clear = Protection(PolicyType.NONE, TlsMode.DISABLED, host)
    return Protection(PolicyType.NONE, local, host, otherwise=clear)


def _of_sts(ours: Protection) -> Protection:
    """Our own setting, where a policy is only tested: what fails is still the policy's to report."""
    return Protection(PolicyType.STS, ours.mode, ours.server_name, otherwise=ours.otherwise)
