"""A bounce rule and the table of them, as values. Pure: no file, no clock.

Enhanced codes (RFC 3463) are looked at without their class digit, `X.1.1` for `5.1.1` and for `4.1.1`: whether to try
again is the basic code's to say where the two disagree (RFC 3463 section 2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from services.sender.smtp.outcomes import BounceClass, Stage

MAX_TEXT = 1024


class Action(StrEnum):
    RETRY = "retry"
    BOUNCE = "bounce"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply that refuses (`code` of 300 or more), and where it was said.

    `text` is without the basic code. `rollup` is the destination's name: a provider's id, or that of a set of mail
    hosts. `relayed` is True where the peer is a smart host.
    """

    stage: Stage
    code: int
    enhanced: str | None
    text: str
    rollup: str = ""
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. A condition that is None fits everything; `action` None leaves it to the reply code's first digit.

    `enhanced` holds `1.1` for `X.1.1` and `4.*` for every `X.4.n`. `hard` says whether a bounce by this rule is about
    what will not change: with a class that says so, the address is suppressed.
    """

    id: str
    class_: BounceClass
    action: Action | None = None
    hard: bool = True
    stages: frozenset[Stage] | None = None
    rollups: frozenset[str] | None = None
    codes: frozenset[int] | None = None
    enhanced: frozenset[str] | None = None
    texts: tuple[re.Pattern[str], ...] | None = None
    relayed: bool | None = None

    def fits(self, refusal: Refusal) -> bool:
        """Whether every condition does; at most the first 1 KiB of the text is looked at."""
        return (
            (self.stages is None or refusal.stage in self.stages)
            and (self.rollups is None or refusal.rollup in self.rollups)
            and (self.relayed is None or refusal.relayed is self.relayed)
            and (self.codes is None or refusal.code in self.codes)
            and (self.enhanced is None or self._fits_enhanced(refusal.enhanced))
            and (self.texts is None or any(text.search(refusal.text, 0, MAX_TEXT) for text in self.texts))
        )

    def _fits_enhanced(self, enhanced: str | None) -> bool:
        assert self.enhanced is not None
        _, _, detail = (enhanced or "").partition(".")
        return detail in self.enhanced or f"{detail.partition('.')[0]}.*" in self.enhanced


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Rules in their order: the first that fits wins."""

    rules: tuple[Rule, ...]

    def find(self, refusal: Refusal) -> Rule | None:
        return next((rule for rule in self.rules if rule.fits(refusal)), None)

    def before(self, others: Rulebook) -> Rulebook:
        """These rules, and then the others."""
        return Rulebook(self.rules + others.rules)
