"""The names that we say in EHLO, and those of our addresses: forth and back they are one (RFC 1912 section 2.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.doctor.findings import Finding, not_seen, warn
from services.sender.destinations.greeting_names import Greeting, fault_of, is_full_name
from services.sender.smtp.targets import Addresses
from shared.dns import Existence

FIX = (
    "Have the owner of the address set its PTR record to the name in EHLO, publish A/AAAA records of that name with "
    "the address, and name it in POSTHORN_EHLO_NAME or the transport's source."
)


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a greeting's name leads to, and what each address that receivers may see resolves back to; None where that
    is not known."""

    greeting: Greeting
    addresses: Addresses
    names: Mapping[str, Sequence[str] | None] = field(default_factory=dict)


def judge(found: Sequence[NameFacts]) -> Iterator[Finding]:
    if not found:
        yield warn(
            "EHLO", "no direct transport says a name: all mail goes by smart hosts", "Nothing, if that is meant."
        )
    for each in found:
        greeting = each.greeting
        subject = f"EHLO {greeting.name}" + (f" from {greeting.source}" if greeting.source else "")
        if not is_full_name(greeting.name):
            yield Finding(subject, "it is no full name of the public DNS", FIX)
        elif each.addresses.existence is Existence.FAILED:
            yield from not_seen(subject, str(each.addresses.detail))
        elif fault := fault_of(greeting, each.addresses, each.names):
            yield Finding(subject, fault, FIX)
        else:
            for ip, names in each.names.items():
                if names is None:
                    yield from not_seen(f"PTR of {ip}", "the name server did not tell")
