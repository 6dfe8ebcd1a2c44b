"""What a fault of our own comes to as an outcome of an attempt. Pure."""

from __future__ import annotations

from services.sender.smtp.outcomes import Ambiguous, BounceClass, Deferred, Failed, Outcome, Scope, Stage


def unbuildable(reason: str, detail: str) -> Failed:
    """A message that cannot be made or found again: no attempt can change that."""
    return Failed(text=f"{reason}: {detail}"[:500], class_=BounceClass.UNDETERMINED)


def unexpected(error: Exception, *, marked: bool) -> Outcome:
    """An error of our own in the middle of an attempt: tried again on schedule, and never taken for not sent."""
    text = f"internal error: {type(error).__name__}"
    if marked:
        return Ambiguous(stage=Stage.DOT, text=text)
    return Deferred(text=text, class_=BounceClass.UNDETERMINED, scope=Scope.MESSAGE)
