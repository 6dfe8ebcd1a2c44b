"""Taking turns: what several queues give together, so that none of them waits for another's end."""

from __future__ import annotations

from collections.abc import Sequence


def in_turn(queues: Sequence[Sequence[str]]) -> list[str]:
    """One of each queue, then the next of each, and so on."""
    longest = max(map(len, queues), default=0)
    return [each[place] for place in range(longest) for each in queues if place < len(each)]


def beginning_behind(names: Sequence[str], after: str) -> list[str]:
    """The names in their order, beginning with the first one behind `after`."""
    ordered = sorted(names)
    first = next((place for place, name in enumerate(ordered) if name > after), 0)
    return ordered[first:] + ordered[:first]
