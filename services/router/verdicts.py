"""What stops a message at the router, as its verdict. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.router.mx import Destination, Finding
from services.router.routes.model import Hold, Reject
from shared.addresses import domain_of
from shared.contracts.messages import Candidate, Message, Verdict, VerdictKind

FIRST_DNS_WAIT, LONGEST_DNS_WAIT = 10, 1800
ROLLUP_WAIT, LONGEST_ROLLUP_WAIT = timedelta(seconds=1), timedelta(seconds=60)
LONGEST_LOOK = 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """A permanent finding of the DNS as a mail server would reply it (RFC 5321 section 4.2, RFC 3463)."""

    code: int
    enhanced: str
    text: str
    class_: str


REFUSALS: dict[Finding, Refusal] = {
    # RFC 7505 section 4.2
    Finding.NULL_MX: Refusal(556, "5.1.10", "the domain does not accept mail (null MX)", "invalid_domain"),
    Finding.NO_SUCH_DOMAIN: Refusal(550, "5.1.2", "the domain does not exist", "invalid_domain"),
    Finding.NO_MAIL_HOST: Refusal(550, "5.4.4", "none of the domain's MX records names a host", "routing_dns"),
    Finding.MAIL_LOOP: Refusal(554, "5.4.6", "the domain's mail leads back to this system", "routing_dns"),
}


def verdict(
    kind: VerdictKind,
    now: datetime,
    *,
    reason: str,
    detail: str | None = None,
    evidence: dict[str, Any] | None = None,
    until: datetime | None = None,
) -> Verdict:
    return Verdict(
        kind=kind, reason=reason, detail=detail, evidence=evidence or {}, until=until, by="router", checked_at=now
    )


def of_dns(message: Message, transport: str, destination: Destination, now: datetime) -> Verdict | None:
    """What the DNS's finding means for a message that is to go to the recipient's own mail hosts."""
    evidence: dict[str, Any] = {"domain": domain_of(message.recipient), "transport": transport}
    if destination.finding is Finding.FAILED:
        evidence |= {"class": "routing_dns", "code": 451, "enhanced": "4.4.3"}
        return verdict(
            VerdictKind.WAIT_UNTIL,
            now,
            reason=str(Finding.FAILED),
            detail=f"451 4.4.3 the domain's mail hosts cannot be looked up ({destination.detail})",
            evidence=evidence,
            until=min(now + dns_wait(message.pass_), message.expires_at),
        )
    refusal = REFUSALS.get(destination.finding)
    if refusal is None:
        return None
    evidence |= {"class": refusal.class_, "code": refusal.code, "enhanced": refusal.enhanced}
    detail = f"{refusal.code} {refusal.enhanced} {refusal.text}"
    return verdict(VerdictKind.REJECT, now, reason=str(destination.finding), detail=detail, evidence=evidence)


def held(message: Message, hold: Hold, now: datetime, look_again: timedelta) -> Verdict:
    """A rule's hold: looked at again soon, so that the message goes when the rule has gone; later as it gets older."""
    until = now + _growing(message, now, look_again, LONGEST_LOOK * look_again)
    until = min(until, hold.until or until, message.expires_at)
    return verdict(VerdictKind.WAIT_UNTIL, now, reason="held", detail=hold.reason, until=until)


def of_rule(reject: Reject, now: datetime) -> Verdict:
    """A rule's refusal. It has no bounce class: nothing is known of the recipient."""
    return verdict(VerdictKind.REJECT, now, reason=reject.reason, detail=reject.reply)


def not_yet_known(message: Message, now: datetime) -> Verdict:
    """A rule asks for the recipient's mail hosts, and their look-up has not ended yet."""
    until = min(now + _growing(message, now, ROLLUP_WAIT, LONGEST_ROLLUP_WAIT), message.expires_at)
    return verdict(VerdictKind.WAIT_UNTIL, now, reason=str(Finding.FAILED), until=until)


def without_transport(candidates: Sequence[Candidate], now: datetime) -> Verdict:
    """None of the transports can be used."""
    evidence = {"candidates": [candidate.model_dump(mode="json", exclude_none=True) for candidate in candidates]}
    return verdict(VerdictKind.NO_ROUTE, now, reason="no_transport", evidence=evidence)


def dns_wait(pass_: int) -> timedelta:
    """How long to wait where the DNS fails: 10 s, doubling with each pass up to half an hour."""
    return timedelta(seconds=min(FIRST_DNS_WAIT * 2 ** min(pass_, 16), LONGEST_DNS_WAIT))


def _growing(message: Message, now: datetime, least: timedelta, most: timedelta) -> timedelta:
    """A tenth of the message's age: every wait is a pass, of which a life has not very many."""
    return max(least, min(most, (now - message.due_at) / 10))
