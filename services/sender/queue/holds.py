"""Holds: what must not be attempted now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.sender.queue.selection import Facts, Selection


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold. `owner` is the workspace that made it, None for the operator, as `by` says in words.

    Where `ends` is set, it is the order to end messages that were not here yet when that was asked for.
    """

    id: str
    owner: str | None
    selection: Selection
    reason: str
    by: str
    since: datetime
    until: datetime | None = None
    ends: bool = False

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Hold:
        return cls(
            document["_id"],
            document["workspace_id"],
            Selection.of(document["selection"]),
            document["reason"],
            document["by"],
            document["since"],
            document.get("until"),
            document.get("ends", False),
        )


class HoldBook:
    """The holds of one moment, looked up by what they name most narrowly."""

    def __init__(self, holds: Iterable[Hold] = ()) -> None:
        self._by: dict[tuple[str, str], list[Hold]] = {}
        for hold in holds:
            for key in _keys_of(hold.selection):
                self._by.setdefault(key, []).append(hold)

    @property
    def is_empty(self) -> bool:
        return not self._by

    def of(self, facts: Facts, now: datetime) -> Hold | None:
        """The oldest hold that the message is under; None where there is none."""
        keys = (
            ("message", facts.message), ("domain", facts.domain), ("rollup", facts.rollup),
            ("transport", facts.transport), ("workspace", facts.workspace), ("", ""),
        )  # fmt: skip
        under = [
            hold
            for key in keys
            for hold in self._by.get(key, ())
            if hold.selection.matches(facts) and (hold.until is None or hold.until > now)
        ]
        return min(under, key=lambda hold: (not hold.ends, hold.since, hold.id), default=None)


def _keys_of(selection: Selection) -> list[tuple[str, str]]:
    if selection.messages is not None:
        return [("message", id_) for id_ in selection.messages]
    named = {part: value for part, value in selection.parts() if value is not None}
    return next(([(part, named[part])] for part in ("domain", "rollup", "transport", "workspace") if part in named),
                [("", "")])  # fmt: skip
