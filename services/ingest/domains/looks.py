"""A look at a domain: what all resolvers together show of its records, and what is kept of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.ingest.domains.judging import Judged, judge, null_mx_warning
from services.ingest.domains.records import Answers, Purpose, Wanted, Zone, wanted_records
from shared.contracts.entities import Domain

ENOUGH_RESOLVERS = 2


@dataclass(frozen=True, slots=True)
class Look:
    """What the DNS showed at one moment. `judged` is by the record's name, as the domain stood then."""

    at: datetime
    judged: Mapping[str, Judged]
    wanted: Sequence[Wanted]
    warnings: Sequence[str] = field(default_factory=tuple)

    @property
    def shown_keys(self) -> dict[str, bool | None]:
        """By selector: whether the DNS shows the key, None where it did not tell."""
        return {record.selector: self.judged[record.name].valid for record in self.wanted if record.selector}

    @property
    def owned(self) -> bool | None:
        """Whether the ownership record is there; a domain that asks for none is not proven by it."""
        found = [self.judged[record.name].valid for record in self.wanted if record.purpose is Purpose.OWNERSHIP]
        return found[0] if found else False

    @property
    def return_path_shown(self) -> bool | None:
        """Whether bounces come back to the platform by the domain's own name, None where the DNS did not tell."""
        found = [self.judged[record.name].valid for record in self.wanted if record.purpose is Purpose.RETURN_PATH]
        return found[0] if found else False

    @property
    def unsure(self) -> bool:
        """Whether something that the domain's standing hangs on is not known."""
        return any(self.judged[record.name].valid is None for record in self.wanted if record.required)


def look_of(domain: Domain, zone: Zone, by_resolver: Sequence[Answers], at: datetime) -> Look:
    """Reads the resolvers' answers to `questions_of` the domain."""
    wanted = wanted_records(domain, zone)
    judged = {record.name: agreed([judge(record, domain, zone, one) for one in by_resolver]) for record in wanted}
    warnings = {text for one in by_resolver if (text := null_mx_warning(domain, one))}
    return Look(at, judged, wanted, tuple(sorted(warnings)))


def agreed(opinions: Sequence[Judged]) -> Judged:
    """What several resolvers show: valid where two of them do (all, where there are fewer).

    Not valid is only what is so whatever those that failed would have said.
    """
    needed = min(ENOUGH_RESOLVERS, len(opinions))
    valid = [one for one in opinions if one.valid]
    unknown = [one for one in opinions if one.valid is None]
    if len(valid) >= needed:
        return valid[0]
    if len(valid) + len(unknown) >= needed:
        return Judged(None, failure=unknown[0].failure)
    wrong = next(one for one in opinions if one.valid is False)
    if valid:
        problem = f"is shown by {len(valid)} of {len(opinions)} resolvers alone; by another one it {wrong.problem}"
        return Judged(False, wrong.found, problem, wrong.warning)
    return wrong


def without_name(look: Look) -> Look:
    """The look at a domain that another workspace has verified for itself alone: this one's ownership is not proven."""
    taken = Judged(False, problem="is not looked at: another workspace has this domain verified")
    names = [record.name for record in look.wanted if record.purpose is Purpose.OWNERSHIP]
    return replace(look, judged={**look.judged, **dict.fromkeys(names, taken)})


def kept_check(look: Look, before: Mapping[str, Any], wanted: Sequence[Wanted]) -> dict[str, Any]:
    """What is kept of a look beside the domain. What is not known stays as it was `before`, and is told.

    `wanted` are the records after the look: what it showed of one that is to be another now is not kept.
    """
    known = {report["name"]: report for report in before.get("records", ())}
    still = {(record.name, record.value) for record in wanted}
    looked_at = [record for record in look.wanted if (record.name, record.value) in still]
    return {
        "checked_at": look.at,
        "warnings": list(look.warnings),
        "records": [_report(record, look.judged[record.name], known.get(record.name)) for record in looked_at],
    }


def _report(wanted: Wanted, judged: Judged, before: Mapping[str, Any] | None) -> dict[str, Any]:
    if judged.valid is None:
        problem = f"could not be looked up ({judged.failure}); the verdict is the one before"
        kept = before or {"is_valid": False, "found": [], "warning": None}
        return {**kept, "name": wanted.name, "problem": problem}
    return {
        "name": wanted.name,
        "is_valid": judged.valid,
        "found": list(judged.found),
        "problem": judged.problem,
        "warning": judged.warning,
    }
