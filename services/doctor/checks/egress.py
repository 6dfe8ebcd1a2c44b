"""The way out: mail hosts answer at port 25, which many networks block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.doctor.findings import Finding, warn

FIX = (
    "Have the provider open TCP port 25 outwards, and look at firewall rules and NetworkPolicies; "
    "or send by a smart host."
)
FIX_ONE = "Look at what it says; where others answer, it is this host, or a block of our address."


@dataclass(frozen=True, slots=True)
class Dialled:
    """A mail host's greeting, or why there is none."""

    host: str
    greeting: str | None = None
    failure: str | None = None


def judge(found: Sequence[Dialled]) -> Iterator[Finding]:
    """Whether any answers is what counts; one that does not may be down."""
    away = [each for each in found if each.greeting is None]
    if found and len(away) == len(found):
        told = ", ".join(f"{each.host} ({each.failure})" for each in away)
        yield Finding("port 25", f"no mail host can be reached: {told}", FIX)
        return
    for each in away:
        yield warn(each.host, f"cannot be reached: {each.failure}", FIX_ONE)
    for each in found:
        if each.greeting is not None and not each.greeting.startswith("220"):
            yield warn(each.host, f"does not want to talk: {each.greeting}", FIX_ONE)
