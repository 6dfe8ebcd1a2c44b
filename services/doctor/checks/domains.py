"""The verified sending domains: the DNS shows the keys that sign, a policy, and the way back to us."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.doctor.findings import Finding, not_seen, warn
from services.ingest.domains.judging import Judged
from services.ingest.domains.policies import dmarc_records
from services.ingest.domains.records import Purpose, Wanted
from services.ingest.domains.tags import InvalidTagsError, parse_tags
from shared.contracts.entities import Domain

FIX = "Publish {type} {name} with `{value}`."
FIX_KEY = (
    "Its owner rotates the key (POST /v1/domains/{{id}}/rotate), or the former POSTHORN_ENCRYPTION_KEY comes back."
)
FIX_OWN_KEY = "Name the key's file in POSTHORN_DKIM_KEY_FILE, where the sender may read it."


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """`judged` are the wanted records and what the DNS shows of them; `key_faults` what is wrong with the private
    halves of keys that sign, by selector; `platform` marks the domain of our own signature."""

    domain: Domain
    judged: Sequence[tuple[Wanted, Judged]]
    key_faults: dict[str, str] = field(default_factory=dict)
    platform: bool = False


def judge(found: Sequence[DomainFacts]) -> Iterator[Finding]:
    for each in found:
        yield from _domain(each)


def _domain(facts: DomainFacts) -> Iterator[Finding]:
    domain = facts.domain
    signing = {selector for selector in (domain.active, domain.active_ed25519) if selector}
    if not signing:
        yield Finding(domain.name, "no key of it signs", "Check its records: POST /v1/domains/{id}/verification.")
    for selector, fault in facts.key_faults.items():
        yield Finding(f"{selector}._domainkey.{domain.name}", fault, FIX_OWN_KEY if facts.platform else FIX_KEY)
    for wanted, judged in facts.judged:
        yield from _record(wanted, judged, signs=wanted.selector in signing)
        if wanted.purpose is Purpose.DMARC and judged.valid:
            yield from _alignment(domain, judged)


def _record(wanted: Wanted, judged: Judged, *, signs: bool) -> Iterator[Finding]:
    """A key that signs and a DMARC policy must be there; a return path and a tracking name are a choice."""
    fix = FIX.format(type=wanted.type, name=wanted.name, value=wanted.value)
    if judged.valid is None:
        yield from not_seen(wanted.name, judged.failure or "the name server did not tell")
    elif not judged.valid:
        found = f" (found: {'; '.join(judged.found)})" if judged.found else ""
        problem = f"{wanted.purpose.replace('_', ' ')} {judged.problem}{found}"
        needed = signs or wanted.purpose is Purpose.DMARC
        yield Finding(wanted.name, problem, fix) if needed else warn(wanted.name, problem, fix)
    elif judged.warning:
        yield warn(wanted.name, judged.warning, fix)


def _alignment(domain: Domain, judged: Judged) -> Iterator[Finding]:
    """DKIM signs with the domain itself, which is aligned strictly; SPF is so only by a return path of its own, and
    not strictly, for that is a name below it."""
    try:
        tags = parse_tags(dmarc_records(judged.found)[0])
    except (InvalidTagsError, IndexError):
        return
    if domain.return_path is None:
        yield warn(
            domain.name,
            "SPF is not aligned, as bounces go to a name of the platform: DMARC passes by DKIM alone",
            f"Publish the domain's return path: CNAME bounce.{domain.name}.",
        )
    elif tags.get("aspf", "r").lower() == "s":
        yield warn(
            domain.name,
            f"asks for strict SPF alignment, which {domain.return_path} is not: DMARC passes by DKIM alone",
            f"Remove aspf=s from the TXT record of _dmarc.{domain.name}.",
        )
