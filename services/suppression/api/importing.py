"""CSV in and out, streamed: a thousand rows at a time, whatever the file's length."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from services.suppression.api.callers import Caller
from services.suppression.api.entries import SuppressionApi
from services.suppression.api.filters import wanted_of
from services.suppression.api.reading import FaultyError, Refusing, address_of, check_domain, check_end, place_of
from services.suppression.api.schemas import ImportDefaults, Listed
from services.suppression.csv_files.columns import (
    WITHOUT_HEADER,
    defaults_over,
    header_line,
    header_of,
    is_data,
    line_of,
    moment_of,
    reason_of,
    said_by,
    values_of,
)
from services.suppression.csv_files.rows import Row, batches
from services.suppression.documents.identity import Named
from services.suppression.documents.updates import Addition
from services.suppression.rules import Reason, lifetime_of
from services.suppression.store import Listing
from shared.api import json_response
from shared.errors import Fault, ProblemError, invalid_request

CSV = "text/csv"
MOST_FAULTS = 100
MAX_NOTE = 500
Summary = dict[str, Any]


class ImportApi:
    def __init__(self, api: SuppressionApi) -> None:
        self._api = api
        self._store = api.store
        self._listing = Listing(api.store)

    async def take(self, caller: Caller, defaults: ImportDefaults, request: Request) -> Response:
        """What was imported before a failure stays, and importing it again changes nothing."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CSV:
            raise ProblemError(415, "unsupported_media_type", "The body must be text/csv.")
        summary: Summary = {}
        async for so_far in self.read(caller, defaults, request.stream()):
            summary = so_far
        return json_response(200, {"data": summary})

    async def read(
        self, caller: Caller, defaults: ImportDefaults, file: AsyncIterable[bytes]
    ) -> AsyncIterator[Summary]:
        """Imports a file; gives what it has come to at its beginning, and again after each thousand of rows.

        Raises a 422 problem for defaults that do not fit together, or a file without addresses.
        """
        reading = _Reading(self._api, caller, defaults, await self._api.domains.of(caller.workspace_id))
        yield reading.summary
        async for rows in batches(file):
            additions = await asyncio.to_thread(reading.additions, rows)
            if additions:
                reading.count(await self._store.import_many(additions))
            yield reading.summary

    async def give(self, caller: Caller, listed: Listed) -> Response:
        wanted, now = wanted_of(caller.workspace_id, listed), datetime.now(UTC)

        async def lines() -> AsyncIterator[str]:
            yield header_line()
            async for entries in self._listing.all(wanted, now):
                yield await asyncio.to_thread(self._lines, entries)

        headers = {"Content-Disposition": 'attachment; filename="suppressions.csv"'}
        return StreamingResponse(lines(), media_type=CSV, headers=headers)

    def _lines(self, entries: Sequence[Any]) -> str:
        """Those that have an address: of who was erased there is none."""
        opened = ((entry, self._store.naming.open(entry)) for entry in entries)
        return "".join(line_of(entry, email) for entry, email in opened if email is not None)


class _Reading:
    """One file as it is read: its columns, and what it has come to so far."""

    def __init__(self, api: SuppressionApi, caller: Caller, defaults: ImportDefaults, domains: Collection[str]) -> None:
        self._api = api
        self._caller = caller
        self._domains = domains
        self._columns: Sequence[str] | None = None
        with Refusing():
            check_domain(place_of(caller, defaults.scope, defaults.domain, defaults.stream), domains)
        self._defaults: dict[str, str] = defaults.model_dump(mode="json", exclude_none=True)
        counts = dict.fromkeys(("rows", "added", "replaced", "unchanged", "faulty"), 0)
        self.summary: Summary = {**counts, "faults": []}

    def additions(self, rows: Sequence[Row]) -> list[tuple[Named, Addition]]:
        """What the rows add; what is faulty is noted. Raises a 422 problem for a file without addresses."""
        additions = []
        for row in rows:
            if self._columns is None and row.fault is None and (columns := self._begun(row)) is not None:
                self._columns = columns
                continue
            self.summary["rows"] += 1
            try:
                if row.fault is not None:
                    raise FaultyError(Fault("#", "malformed_csv", row.fault))
                additions.append(self._addition(row))
            except FaultyError as error:
                self._note(row.line, error)
        return additions

    def count(self, outcome: dict[str, int]) -> None:
        for name, number in outcome.items():
            self.summary[name] += number

    def _begun(self, row: Row) -> Sequence[str] | None:
        """The columns of a header, which is no data; None where the first row is data already."""
        if (header := header_of(row.cells)) is not None:
            return header
        if not is_data(row.cells):
            text = "The first line names no column `email`, and does not begin with an address."
            raise invalid_request([Fault("#", "no_addresses", text)])
        self._columns = WITHOUT_HEADER
        return None

    def _addition(self, row: Row) -> tuple[Named, Addition]:
        values = defaults_over(said_by(values_of(self._columns or WITHOUT_HEADER, row.cells)), self._defaults)
        address = address_of(values.get("email", ""))
        place = place_of(self._caller, values.get("scope"), values.get("domain"), values.get("stream"))
        check_domain(place, self._domains)
        reason = _reason(values)
        until = moment_of(values["expires_at"]) if "expires_at" in values else None
        if "expires_at" in values and until is None:
            raise FaultyError(Fault("#/expires_at", "invalid_time", "Not a time as RFC 3339 has it, with its zone."))
        check_end(place, reason, until)
        note = values.get("reason")
        if note is not None and len(note) > MAX_NOTE:
            raise FaultyError(Fault("#/reason", "too_long", f"More than {MAX_NOTE} characters."))
        lifetime = lifetime_of(reason, self._api.settings)
        addition = Addition(reason, note, lifetime, until, "import", self._caller.key_id)
        return self._api.store.naming.named(place, address), addition

    def _note(self, line: int, error: FaultyError) -> None:
        self.summary["faulty"] += 1
        if len(self.summary["faults"]) < MOST_FAULTS:
            fault = error.faults[0]
            self.summary["faults"].append({"line": line, "code": fault.code, "detail": fault.detail})


def _reason(values: dict[str, str]) -> Reason:
    """By the cause, else by the type."""
    found = reason_of(values.get("cause") or values["type"])
    if found is None:
        raise FaultyError(Fault("#/type", "invalid_choice", "Not a type: bounce, complaint, manual, unsubscribe."))
    return found
