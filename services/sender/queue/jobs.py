"""Jobs: what is to be done with what waits, as it was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.sender.queue.actions import Action, Options
from services.sender.queue.holds import Hold
from services.sender.queue.selection import Selection
from shared.tokens import uuid7


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `owner` is the workspace that asked, None for the operator; `actor` is who that was in detail (`kind`,
    `id` of a key, `address`)."""

    id: str
    owner: str | None
    actor: Mapping[str, str | None]
    action: Action
    selection: Selection
    options: Options

    @classmethod
    def new(
        cls, owner: str | None, actor: Mapping[str, str | None], action: Action, selection: Selection, options: Options
    ) -> Job:
        return cls(uuid7(), owner, actor, action, selection, options)

    @property
    def by(self) -> str:
        """Who asked, as messages' traces say it."""
        return "operator" if self.owner is None else "workspace"

    def as_document(self) -> dict[str, Any]:
        return {
            "_id": self.id,
            "workspace_id": self.owner,
            "actor": dict(self.actor),
            "action": str(self.action),
            "selection": self.selection.as_document(),
            "options": self.options.as_document(),
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Job:
        return cls(
            document["_id"],
            document["workspace_id"],
            document["actor"],
            Action(document["action"]),
            Selection.of(document["selection"]),
            Options.of(document["options"]),
        )

    def order(self, messages: frozenset[str], now: datetime, until: datetime) -> Hold:
        """The order to end messages as they come."""
        within = Selection(messages, self.selection.workspace)
        return Hold(self.id, self.owner, within, self.options.reason, self.by, now, until, ends=True)
