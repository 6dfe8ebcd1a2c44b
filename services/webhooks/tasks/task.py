"""A replay or a back-fill as it was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from services.webhooks.outcomes import JobState
from services.webhooks.rules import Subscription

ReplayStates = Literal["failed", "all"]
REPLAYED: Mapping[str, tuple[JobState, ...]] = {
    "failed": (JobState.EXHAUSTED, JobState.CANCELED),
    "all": (JobState.EXHAUSTED, JobState.CANCELED, JobState.SUCCEEDED),
}
"""The deliveries that a replay does again; what waits is on its way anyhow."""


class TaskKind(StrEnum):
    REPLAY = "replay"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Task:
    """One task, about what lies from `since` to before `until`. `events` are the types it is about, empty for all that
    the endpoint has (a replay) or asks for (a back-fill); `states` is a replay's.

    `position` is where it is, `batch` what it was doing when it was last heard of, `token` the lease it is held under.
    """

    id: str
    kind: TaskKind
    workspace_id: str
    endpoint_id: str
    created_at: datetime
    since: datetime
    until: datetime
    events: tuple[str, ...] = ()
    states: ReplayStates | None = None
    position: Any = None
    batch: Mapping[str, Any] | None = None
    token: str | None = None

    def as_document(self) -> dict[str, Any]:
        return {
            "_id": self.id,
            "kind": str(self.kind),
            "workspace_id": self.workspace_id,
            "endpoint_id": self.endpoint_id,
            "created_at": self.created_at,
            "since": self.since,
            "until": self.until,
            "events": list(self.events),
            "states": self.states,
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Task:
        return cls(
            document["_id"],
            TaskKind(document["kind"]),
            document["workspace_id"],
            document["endpoint_id"],
            document["created_at"],
            document["since"],
            document["until"],
            tuple(document["events"]),
            document["states"],
            document["position"],
            document.get("batch"),
            document["lease"]["token"],
        )

    def subscription(self, asked_for: frozenset[str]) -> Subscription:
        """What a back-fill matches events with: the endpoint as if it had been there since then."""
        return Subscription(self.endpoint_id, asked_for, self.since)
