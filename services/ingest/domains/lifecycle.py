"""What a look makes of a domain: its keys' states, and whether it is verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.ingest.domains.looks import Look
from services.ingest.domains.records import return_path_of
from services.ingest.domains.rotation import begun_where_due, turned
from services.ingest.domains.standing import judged_by, proof_of
from services.ingest.settings import Settings
from shared.contracts.entities import Domain


@dataclass(frozen=True, slots=True)
class Periods:
    """`retiring`: how long a replaced key stays published; `rotation`: the age at which a key is replaced; `grace`: how
    long a domain that lost its records may send; `check`: the usual time between two looks."""

    retiring: timedelta
    rotation: timedelta
    grace: timedelta
    check: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Periods:
        return cls(
            timedelta(days=settings.dkim_retiring_days),
            timedelta(days=settings.dkim_rotation_days),
            timedelta(hours=settings.domain_grace_hours),
            timedelta(hours=settings.domain_check_hours),
        )


def settled(domain: Domain, look: Look, periods: Periods, *, exclusive: bool) -> Domain:
    """The domain after a look. With `exclusive` its name belongs to it alone while it is verified.

    Its return path is used from the first look that shows it and up to the first that shows it gone.
    """
    shown = look.shown_keys
    after = turned(domain, shown, look.at, periods.retiring)
    after = begun_where_due(after, look.at, periods.rotation)
    signing = shown.get(after.active) if after.active else False
    after = judged_by(after, proof_of(look.owned, signing), look.at, periods.grace)
    returns = look.return_path_shown
    if returns is not None:
        after = after.with_changes(return_path=return_path_of(after.name) if returns else None)
    return after.with_changes(exclusive=after.name if exclusive and after.verified else None)
