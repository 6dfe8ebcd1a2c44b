"""SPF: our addresses may send for the names that mail comes back to. A judgement as receivers make it (RFC 7208)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from services.doctor.findings import Finding, not_seen, warn

MOST_LOOKUPS = 10  # section 4.6.4
RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
FIX = "Publish `{fix}` in the TXT record of {name}, before its `all`; keep to ten look-ups in all."


@dataclass(frozen=True, slots=True)
class SpfFacts:
    """What is to be judged: `names` and the `addresses` that send for each of them.

    `texts` are the TXT records of each name that any of them led to, None where that is not known; `hosts` the
    addresses behind `a` and `mx`, by mechanism and name.
    """

    names: Sequence[str]
    addresses: Sequence[str]
    texts: Mapping[str, Sequence[str] | None]
    hosts: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)


class PermanentError(Exception):
    """Receivers give the record up: why."""


class UnknownError(Exception):
    """A name whose records could not be looked up."""


def judge(facts: SpfFacts) -> Iterator[Finding]:
    if not facts.addresses:
        yield warn(
            "SPF",
            "it is not known from which public addresses mail leaves: nothing was judged",
            "Give the direct transport sources, or an EHLO name that leads to its address.",
        )
    for name in facts.names:
        for address in facts.addresses:
            subject = f"SPF of {name} for {address}"
            try:
                result = evaluate(facts, name, address)
            except UnknownError as error:
                yield from not_seen(subject, f"the records of {error} could not be looked up")
                break
            except PermanentError as error:
                yield Finding(subject, f"permanent error: {error}", _fix(name, address))
                break
            if result != "pass":
                yield Finding(subject, f"the result is {result}", _fix(name, address))


def record_of(texts: Sequence[str]) -> str | None:
    """The one SPF record among a name's TXT records, None where there is none. Raises PermanentError."""
    records = [text for text in texts if text.lower().split(" ", 1)[0] == "v=spf1"]
    if len(records) > 1:
        raise PermanentError(f"there are {len(records)} SPF records")
    return records[0] if records else None


def terms_of(record: str) -> Iterator[tuple[str, str, str]]:
    """Qualifier, mechanism or modifier, and value of each term, without the last dot of names."""
    for term in record.split()[1:]:
        qualifier = term[0] if term[0] in RESULTS else "+"
        bare = term.lstrip("+-~?")
        at = min((bare.find(each) for each in ":=/" if each in bare), default=len(bare))
        name, value = bare[:at].lower(), bare[at:].lstrip(":=")
        yield qualifier, name, value.rstrip(".") if name not in ("ip4", "ip6") else value


def evaluate(facts: SpfFacts, name: str, address: str, budget: list[int] | None = None) -> str:
    """`pass`, `fail`, `softfail`, `neutral` or `none`. Macros and `ptr` count as no match: we use none.

    Raises PermanentError and UnknownError.
    """
    budget = [MOST_LOOKUPS] if budget is None else budget
    texts = facts.texts.get(name)
    if texts is None:
        raise UnknownError(name)
    record = record_of(texts)
    if record is None:
        return "none"
    redirect = None
    for qualifier, term, value in terms_of(record):
        if term == "redirect":
            redirect = value
        elif _matches(facts, name, term, value, address, budget):
            return RESULTS[qualifier]
    if redirect is None:
        return "neutral"
    _spend(budget)
    if (result := evaluate(facts, redirect, address, budget)) == "none":
        raise PermanentError(f"redirect={redirect} has no SPF record")
    return result


def _matches(facts: SpfFacts, name: str, term: str, value: str, address: str, budget: list[int]) -> bool:
    if term == "all":
        return True
    if term in ("ip4", "ip6"):
        try:
            network = ip_network(value, strict=False)
        except ValueError as error:
            raise PermanentError(f"{term}:{value} is no network") from error
        return ip_address(address) in network
    if term in ("a", "mx"):
        _spend(budget)
        host, _, prefix = value.partition("/")
        found = facts.hosts.get((term, host or name), ())
        return any(_within(address, each, prefix) for each in found)
    if term == "include":
        _spend(budget)
        result = evaluate(facts, value, address, budget)
        if result == "none":
            raise PermanentError(f"include:{value} has no SPF record")
        return result == "pass"
    if term in ("ptr", "exists"):
        _spend(budget)
    return False


def _within(address: str, host: str, prefix: str) -> bool:
    wide = prefix.partition("/")[0]
    network = ip_network(f"{host}/{wide}" if wide and ":" not in host else host, strict=False)
    return ip_address(address) in network


def _spend(budget: list[int]) -> None:
    budget[0] -= 1
    if budget[0] < 0:
        raise PermanentError(f"it needs more than {MOST_LOOKUPS} look-ups")


def _fix(name: str, address: str) -> str:
    return FIX.format(fix=f"ip{ip_address(address).version}:{address}", name=name)
