"""Where a message's failover order begins: what its last attempt says of it, and what somebody wishes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.contracts.messages import LastAttempt, Reroute

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Turn:
    """The order begins with the one at `first`, and those `before` it come last.

    By id: the transport that was `wished` for or is `avoided`, that the message `stays` on, that `failed` it, and those
    that are `full` for today.
    """

    first: int = 0
    why_first: str | None = None
    before: frozenset[str] = frozenset()
    why_before: str = ""
    wished: str | None = None
    avoided: str | None = None
    stays: str | None = None
    failed: str | None = None
    why_failed: str = ""
    full: frozenset[str] = frozenset()

    def turned(self, order: Sequence[T]) -> list[T]:
        return [*order[self.first :], *order[: self.first]] if self.first else list(order)


STRAIGHT = Turn()


def turn_of(order: Sequence[str], last: LastAttempt | None, wish: Reroute | None) -> Turn:
    """A wish goes before what the last attempt says, as far as the route has another way, and one that is not full.

    The recipient's own words, greylisting above all, keep a message where they were said; after a failure of the
    transport's the next one is tried.
    """
    if last is None and wish is None:
        return STRAIGHT
    full = frozenset(last.full) & {*order} if last else frozenset[str]()
    if wish is not None and wish.take in order and wish.take not in full:
        return _from(
            order, order.index(wish.take), full, "it was asked for", "another transport was asked for", wished=wish.take
        )
    if wish is not None and wish.avoid in order and len(order) > 1:
        place = (order.index(wish.avoid) + 1) % len(order)
        why = "another transport was asked to be avoided"
        return _from(order, place, full, why, "another transport was asked for", avoided=wish.avoid)
    if last is None or last.transport not in order:
        return Turn(full=full)
    place = order.index(last.transport)
    if last.scope in ("recipient", "message"):
        stays = "the message stays on the transport of its last attempt"
        return _from(order, place, full, stays, stays, stays=last.transport)
    if last.scope == "transport" and len(order) > 1:
        why_failed = last.outcome if last.untried else f"its last attempt failed: {last.outcome}"
        return _from(
            order, (place + 1) % len(order), full,
            "it comes next behind the transport that failed",
            "the failover goes on behind the transport that failed",
            failed=last.transport, why_failed=why_failed,
        )  # fmt: skip
    return Turn(full=full)


def _from(
    order: Sequence[str], first: int, full: frozenset[str], why_first: str, why_before: str, **named: Any
) -> Turn:
    return Turn(first, why_first, frozenset(order[:first]), why_before, full=full, **named)
