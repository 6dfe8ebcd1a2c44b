"""Messages as CSV, a few hundred lines at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from services.ingest.projection.views import message_view
from shared.csv_lines import line_of

COLUMNS = (
    "uuid", "accepted_at", "status", "recipient", "from", "subject", "stream", "tags", "attempts", "delivered_at",
    "bounced_at", "code", "enhanced", "reply", "class", "host", "trace_id",
)  # fmt: skip
OF_REPLY = frozenset({"code", "enhanced", "reply", "class", "host"})
AT_ONCE = 200
DOWNLOAD = {
    "Content-Disposition": 'attachment; filename="messages.csv"',
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


async def csv_of(documents: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    """The lines with their heading; `documents` are those of the read model."""
    lines = [line_of(COLUMNS)]
    async for document in documents:
        lines.append(line_of(row_of(message_view(document))))
        if len(lines) >= AT_ONCE:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


def row_of(view: Mapping[str, Any]) -> list[Any]:
    """What a message shows, column by column; a list's parts stand behind each other."""
    reply = view["last_reply"] or {}
    found = [(reply if column in OF_REPLY else view).get(column) for column in COLUMNS]
    return [" ".join(each) if isinstance(each, list) else each for each in found]
