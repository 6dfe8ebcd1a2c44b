"""What an outcome says of the destination, rather than of its message. Pure."""

from __future__ import annotations

from services.sender.smtp.outcomes import (
    BounceClass,
    Bounced,
    Deferred,
    Delivered,
    Outcome,
    Relayed,
    Stage,
)
from services.sender.smtp.unreached import OTHER_FAMILY

_UNREACHED = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO})


def went_well(outcome: Outcome) -> bool:
    """Whether the destination took a message, or refused it for good: it works."""
    return isinstance(outcome, Delivered | Relayed | Bounced) and outcome.stage not in _UNREACHED


def asks_for_less(outcome: Outcome) -> bool:
    """Whether it could not be reached, ended the session (421, RFC 5321 section 3.8), or throttles.

    A rate that is one mailbox's own (subject 2 of RFC 3463 section 3.3) says nothing of the others. What fails between
    us and a smart host for everybody, such as a login, counts as not reached.
    """
    if not isinstance(outcome, Deferred) or outcome.rule == OTHER_FAMILY:
        return False
    if outcome.stage in _UNREACHED or outcome.code == 421 or outcome.class_ is BounceClass.ROUTE_DOWN:
        return True
    mailbox = (outcome.enhanced or "").partition(".")[2].startswith("2.")
    return outcome.class_ is BounceClass.THROTTLED and not mailbox


def in_words(outcome: Outcome) -> str:
    """The refusal in at most 200 characters."""
    return (f"{outcome.code} {outcome.text}" if outcome.code else outcome.text)[:200]
