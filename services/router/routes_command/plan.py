"""What would change: transports, the failover order, rules and the quarantine. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Act = Literal["create", "change", "remove", "leave", "move"]


@dataclass(frozen=True, slots=True)
class Change:
    """One field, in words; None where it is not set."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that changes: a transport or a rule, by the name that people know it by.

    `key` is a transport's id, or a stand-in for one that is to be made. `body` is what the API is sent, but for the
    password, which `password_env` names. One that is to `leave` is not in the file and stays.
    """

    act: Act
    what: str
    label: str
    key: str = ""
    changes: Sequence[Change] = ()
    body: Mapping[str, Any] = field(default_factory=dict)
    password_env: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are applied; `rules` is the set to put, None where it stays as it is, with
    stand-ins for transports that are to be made. `labels` names keys."""

    transports: Sequence[Step]
    settings: Sequence[Change]
    steps: Sequence[Step]
    removals: Sequence[Step]
    rules: Mapping[str, Any] | None
    draft: Mapping[str, Any]
    version: int
    labels: Mapping[str, str]

    @property
    def changes(self) -> bool:
        acting = [step for step in (*self.transports, *self.removals) if step.act != "leave"]
        return bool(acting or self.rules is not None)
