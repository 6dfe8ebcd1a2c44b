"""Whether a domain is verified, by what the DNS shows, and when it is looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from services.ingest.domains.rotation import awaits_key
from shared.contracts.entities import Domain

FIRST_PAUSE = timedelta(minutes=1)
LOST_PAUSE = timedelta(hours=1)


class Status(StrEnum):
    """What may be done with a domain: `failing` still sends and will be `suspended` unless its records come back."""

    PENDING = "pending"
    ACTIVE = "active"
    FAILING = "failing"
    SUSPENDED = "suspended"


class Verification(StrEnum):
    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


def proof_of(owned: bool | None, signing_key_shown: bool | None) -> bool | None:
    """Ownership and the signing key together: False where one is gone, None where that is not known."""
    if owned is False or signing_key_shown is False:
        return False
    return True if owned and signing_key_shown else None


def judged_by(domain: Domain, proof: bool | None, now: datetime, grace: timedelta) -> Domain:
    """The domain after a look. One that has lost its records stays verified for `grace`; failures change nothing.

    A declared domain is verified by the operator's word, whatever the DNS shows.
    """
    if domain.declared or proof is None:
        return domain
    if proof:
        return domain.with_changes(verified=domain.active is not None, lost_since=None)
    if not domain.verified:
        return domain
    lost_since = domain.lost_since or now
    return domain.with_changes(verified=now - lost_since < grace, lost_since=lost_since)


def status_of(domain: Domain) -> Status:
    if domain.verified:
        return Status.FAILING if domain.lost_since else Status.ACTIVE
    return Status.SUSPENDED if domain.lost_since else Status.PENDING


def verification_of(domain: Domain, now: datetime, patience: timedelta) -> Verification:
    """`failed` is a domain that was lost, and one that has not shown its records for `patience`."""
    if domain.verified:
        return Verification.COMPLETED
    old = domain.created_at is not None and now - domain.created_at >= patience
    return Verification.FAILED if old or domain.lost_since else Verification.PENDING


def pause_before_next(domain: Domain, looks: int, usual: timedelta, *, unsure: bool) -> timedelta:
    """How long until the next look: `usual` at most, less while something is waited for.

    `looks` counts those since the domain last changed, none where this one changed it. The pauses between them double.
    """
    if looks == 0:
        return min(FIRST_PAUSE, usual)
    if unsure or not domain.verified or awaits_key(domain):
        return min(FIRST_PAUSE * (1 << min(looks, 20)), usual)
    return min(LOST_PAUSE, usual) if domain.lost_since else usual
