"""Messages as CSV (RFC 4180), a few hundred lines at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

from services.ingest.projection.views import message_view

COLUMNS = (
    "uuid", "accepted_at", "status", "recipient", "from", "subject", "stream", "tags", "attempts", "delivered_at",
    "bounced_at", "code", "enhanced", "reply", "class", "host", "trace_id",
)  # fmt: skip
OF_REPLY = frozenset({"code", "enhanced", "reply", "class", "host"})
AT_ONCE = 200
FORMULA = ("=", "+", "-", "@", "\t", "\r")
DOWNLOAD = {
    "Content-Disposition": 'attachment; filename="messages.csv"',
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


async def csv_of(documents: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    """The lines with their heading; `documents` are those of the read model."""
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow(COLUMNS)
    count = 0
    async for document in documents:
        lines.writerow(row_of(message_view(document)))
        count += 1
        if count % AT_ONCE == 0:
            yield _taken(written)
    yield _taken(written)


def row_of(view: Mapping[str, Any]) -> list[str]:
    reply = view["last_reply"] or {}
    return [_cell((reply if column in OF_REPLY else view).get(column)) for column in COLUMNS]


def _cell(value: Any) -> str:
    """A text that no spreadsheet takes for a formula (OWASP, CSV Injection)."""
    text = "" if value is None else " ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _taken(written: io.StringIO) -> bytes:
    lines = written.getvalue().encode()
    written.seek(0)
    written.truncate()
    return lines
