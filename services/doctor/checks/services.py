"""The processes whose health URLs are given: each is ready."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.doctor.findings import Finding

OK = 200
FIX = "Look at the process's log: it is ready once MongoDB answers and its consumers run."
FIX_AWAY = "Start the process, or mend the address: /readyz stands at POSTHORN_HEALTH_PORT."


@dataclass(frozen=True, slots=True)
class Readiness:
    """What `/readyz` answered: a status, or why there is none."""

    url: str
    status: int | None = None
    failure: str | None = None


def judge(found: Sequence[Readiness]) -> Iterator[Finding]:
    for each in found:
        if each.failure is not None:
            yield Finding(each.url, f"does not answer: {each.failure}", FIX_AWAY)
        elif each.status != OK:
            yield Finding(each.url, f"is not ready: it answers {each.status}", FIX)
