"""What a check finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`fail` ends the command with 1; `warn` is worth a look, and may be meant."""

    FAIL = "fail"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """`problem` says what is wrong with `subject`, `fix` what to do about it."""

    subject: str
    problem: str
    fix: str
    level: Level = Level.FAIL


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found: nothing where all is well. `skipped` says why it was not made."""

    check: str
    findings: Sequence[Finding] = ()
    skipped: str | None = None

    @property
    def failed(self) -> bool:
        return any(each.level is Level.FAIL for each in self.findings)


def warn(subject: str, problem: str, fix: str) -> Finding:
    return Finding(subject, problem, fix, Level.WARN)


def not_seen(subject: str, why: str) -> Iterator[Finding]:
    """Facts that did not come: nothing is known, which is not the same as well."""
    yield Finding(subject, f"could not be looked at: {why}", "Make it reachable from here, or leave the check out.")
