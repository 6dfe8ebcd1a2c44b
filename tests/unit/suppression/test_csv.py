"""Files of suppressions: rows out of any pieces, columns by their names."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.suppression.csv_files.columns import (
    COLUMNS,
    header_line,
    header_of,
    is_data,
    line_of,
    moment_of,
    reason_of,
    said_by,
    values_of,
)
from services.suppression.csv_files.rows import AT_ONCE, Row, RowReader, batches
from services.suppression.rules import NEVER, Entry, Place, Reason
from tests.unit.suppression.made import NOW

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)), max_size=12)
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=8)


def written(rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def read(data: bytes, size: int) -> list[Row]:
    reader, found = RowReader(), []
    for begin in range(0, len(data), size):
        found += reader.take(data[begin : begin + size])
    return found + reader.take(b"", last=True)


@given(ROWS, st.integers(1, 40))
def test_rows_are_what_python_s_own_reader_finds_in_whatever_pieces(rows: list[list[str]], size: int) -> None:
    data = written(rows)
    assert [row.cells for row in read(data, size)] == list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert not any(row.fault for row in read(data, size))


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_stop_the_reading(data: bytes, size: int) -> None:
    lines = [row.line for row in read(data, size)]
    assert lines == sorted(set(lines))
    assert read(data, size) == read(data, 1000)


def test_a_quote_that_does_not_end_spoils_its_own_line_alone() -> None:
    data = b'email,reason\na@b.example,"open\nb@b.example,fine\nc@b.example,"two\nlines"\n'
    rows = read(data, 1000)
    whole = read(data.replace(b'"open', b"open"), 1000)
    assert [(row.line, row.cells) for row in whole][-2:] == [
        (3, ["b@b.example", "fine"]), (4, ["c@b.example", "two\nlines"]),
    ]  # fmt: skip
    assert [(row.line, bool(row.fault)) for row in rows][:2] == [(1, False), (2, True)]
    assert (3, ["b@b.example", "fine"]) in [(row.line, row.cells) for row in rows]


async def test_a_long_file_comes_a_thousand_rows_at_a_time() -> None:
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(30):
            taken += 1
            yield b"a@b.example\n" * 100

    counts = []
    async for rows in batches(pieces()):
        counts.append(len(rows))
        assert taken <= 10 * len(counts)
    assert counts == [AT_ONCE] * 3


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["email"], ["email"]),
        (["Email Address", "Note"], ["email", "reason"]),
        (["EmailAddress", "Reason", "LastUpdateTime"], ["email", "reason", ""]),
        (["status", "reason", "email", "created"], ["", "reason", "email", ""]),
        (["ann@b.example", "manual"], None),
    ],
)
def test_a_header_names_the_addresses(names: list[str], columns: list[str] | None) -> None:
    assert header_of(names) == columns
    assert is_data(names) == (columns is None)


def test_every_column_of_an_export_is_known() -> None:
    assert [name for name in header_of(list(COLUMNS)) or [] if name] == [
        "email", "type", "cause", "reason", "scope", "domain", "stream", "expires_at",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("BOUNCE", Reason.HARD_BOUNCE), ("HardBounce", Reason.HARD_BOUNCE), ("complaint", Reason.COMPLAINT),
        ("soft_bounce_limit", Reason.SOFT_BOUNCE_LIMIT), ("erasure", None), ("spam", None),
    ],
)  # fmt: skip
def test_a_type_is_known_by_its_name(text: str, reason: Reason | None) -> None:
    assert reason_of(text) is reason


def test_a_reason_that_is_a_type_s_name_is_one_where_no_column_says_the_type() -> None:
    assert said_by({"email": "a", "reason": "COMPLAINT"}) == {"email": "a", "type": "COMPLAINT"}
    for kept in ({"email": "a", "reason": "phoned"}, {"email": "a", "type": "manual", "reason": "bounce"}):
        assert said_by(kept) == kept


@given(st.emails(), st.sampled_from([each for each in Reason if each is not Reason.ERASURE]), st.none() | CELL)
@example("a@b.example", Reason.MANUAL, "\t")
@example("=1+1@b.example", Reason.MANUAL, "' =1")
def test_an_export_says_what_an_import_reads(email: str, reason: Reason, note: str | None) -> None:
    place = Place("w1", stream="billing")
    until = NEVER if reason is Reason.COMPLAINT else datetime(2030, 1, 1, tzinfo=UTC)
    entry = Entry("k", "id", place, "sealed", reason, until, "api", note, {}, NOW, NOW)
    rows = read((header_line() + line_of(entry, email)).encode(), 7)
    values = values_of(header_of(rows[0].cells) or [], rows[1].cells)
    assert values["email"] == email
    assert reason_of(values["cause"]) is reason
    assert (values["scope"], values["stream"]) == ("stream", "billing")
    assert values.get("reason", "") == (note or "").strip()
    assert (moment_of(values["expires_at"]) if "expires_at" in values else NEVER) == until
