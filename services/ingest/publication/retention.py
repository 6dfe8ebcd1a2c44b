"""How long the read model shows a message: by one process at a time, those that are older go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.ingest.publication.tenure import HeldTenure
from services.ingest.store.old_messages import OldMessages
from shared.telemetry import metrics

PAUSE_SECONDS = 60.0


class Retention:
    """Walks through what is older than `days`, a batch a turn; begins anew at the end."""

    def __init__(self, messages: OldMessages, tenure: HeldTenure, days: float) -> None:
        self.tenure = tenure
        self._messages = messages
        self._kept = timedelta(days=days)
        self._after = ""

    async def turn(self) -> bool:
        """True where there may be more of them."""
        deleted, after = await self._messages.delete(datetime.now(UTC) - self._kept, self._after)
        metrics.MESSAGES_FORGOTTEN.inc(deleted)
        self._after = after or ""
        return after is not None
