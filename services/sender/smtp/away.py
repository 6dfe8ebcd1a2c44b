"""Hosts and addresses that could not be reached a moment ago: others go before them (RFC 5321 section 4.5.4.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from services.sender.smtp.recent import Recent

AWAY_SECONDS = 60.0
"""So often at most does anything wait for one that drops what is sent to it."""
T = TypeVar("T")


class Place(NamedTuple):
    """A host's name or one of its addresses, and what it is dialled from."""

    host: str
    port: int
    source: str | None


def last(away: Recent[Place], things: Sequence[T], place_of: Callable[[T], Place]) -> list[T]:
    """The things in their order, those that are away behind the others."""
    return sorted(things, key=lambda each: place_of(each) in away)
