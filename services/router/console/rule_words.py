"""Rules in words: what they match, and what becomes of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from services.router.console.wording import listed, moment
from services.router.routes.model import Bounds, Conditions, Rule, Target
from shared.console.words import size

Names = Mapping[str, str]
"""Transports' names by their ids."""


def matches(when: Conditions) -> str:
    """Which mail a rule is about: `Mail of the stream billing, tagged receipt, to example.com`."""
    parts = list(_conditions(when))
    return f"Mail {', '.join(parts)}" if parts else "All mail"


def does(rule: Rule, names: Names) -> str:
    """What becomes of it: `goes by Direct (3) or Relay (1), else by Backup`."""
    if rule.hold is not None:
        until = f", until {moment(rule.hold.until)} at most" if rule.hold.until else ""
        return f"is held{until}: {rule.hold.reason}"
    if rule.reject is not None:
        reply = f" ({rule.reject.reply})" if rule.reject.reply else ""
        return f"is refused: {rule.reject.reason}{reply}"
    if rule.route is None:
        return f"moves to the {rule.lane} lane; the next rules are asked where it goes"
    way = ", else by ".join(_tier(tier, names) for tier in rule.route)
    lane = f", in the {rule.lane} lane" if rule.lane else ""
    return f"goes by {way}{lane}"


def _tier(tier: Sequence[Target], names: Names) -> str:
    several = len(tier) > 1
    return listed(
        (
            names.get(each.transport, each.transport)
            + (f" (weight {each.weight})" if several and each.weight is not None else "")
            for each in tier
        ),
        "or",
    )


def _conditions(when: Conditions) -> Iterator[str]:
    if when.streams is not None:
        yield f"of the stream {listed(when.streams, 'or')}"
    if when.tags is not None:
        yield f"tagged {listed(when.tags, 'or')}"
    if when.sender_domains is not None:
        yield f"from {listed(map(_domain, when.sender_domains), 'or')}"
    if when.recipient_domains is not None:
        yield f"to {listed(map(_domain, when.recipient_domains), 'or')}"
    if when.rollups is not None:
        yield f"to the mail hosts of {listed(when.rollups, 'or')}"
    if when.size is not None:
        yield f"of {_bounds(when.size, size)}"
    if when.attempt is not None:
        yield f"after {_bounds(when.attempt, _attempts)}"


def _domain(pattern: str) -> str:
    return f"any name below {pattern[2:]}" if pattern.startswith("*.") else pattern


def _bounds(bounds: Bounds, shown: Callable[[float], str]) -> str:
    least, most = bounds.at_least, bounds.at_most
    if least is not None and most is not None:
        return f"{shown(least)} to {shown(most)}"
    return f"at least {shown(least)}" if least is not None else f"at most {shown(most or 0)}"


def _attempts(number: float) -> str:
    return "1 attempt" if number == 1 else f"{number:.0f} attempts"
