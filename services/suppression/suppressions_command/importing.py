"""A file of suppressions, imported part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from services.suppression.csv_files.columns import header_of
from services.suppression.csv_files.rows import RowReader
from services.suppression.suppressions_command.client import RefusedError, SuppressionsClient

ROWS_AT_ONCE = 10_000
MOST_FAULTS = 100
COUNTS = ("rows", "added", "replaced", "unchanged", "faulty")


class StoppedError(Exception):
    """An import that came no further than the line before `line`."""

    def __init__(self, line: int, why: RefusedError) -> None:
        super().__init__(f"{why}; go on with --from-line {line}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a file that begin at `line`, as they stand in it."""

    line: int
    rows: int
    data: bytes


def header_line(file: BinaryIO) -> bytes:
    """The file's header, empty where it has none; the file stands behind it."""
    first = file.readline()
    rows = RowReader().take(first, last=True)
    if rows and rows[0].fault is None and header_of(rows[0].cells) is not None:
        return first
    file.seek(0)
    return b""


def parts_of(file: BinaryIO, line: int, at_once: int) -> Iterator[Part]:
    """The rest of the file, which begins with `line`; a row of several lines stays whole."""
    reader, held, rows, begin = RowReader(), bytearray(), 0, line
    for text in file:
        held += text
        line += 1
        rows += len(reader.take(text))
        if rows >= at_once and reader.is_between:
            yield Part(begin, rows, bytes(held))
            held, rows, begin = bytearray(), 0, line
    if held:
        yield Part(begin, rows + len(reader.take(b"", last=True)), bytes(held))


def import_file(client: SuppressionsClient, path: Path, defaults: dict[str, str], from_line: int) -> dict[str, Any]:
    """Imports a file from a line on, with a bar where there is a terminal; returns what it came to.

    Raises StoppedError where the API stays away or refuses; what was imported by then stays.
    """
    summary: dict[str, Any] = {**dict.fromkeys(COUNTS, 0), "faults": []}
    bar = Progress(
        BarColumn(), TaskProgressColumn(show_speed=False), TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[per_s]:,.0f}/s"), TextColumn("{task.fields[faulty]:,} faulty"), TimeRemainingColumn(),
        transient=True,
    )  # fmt: skip
    with path.open("rb") as file, bar:
        task = bar.add_task(path.name, total=path.stat().st_size, rows=0, per_s=0.0, faulty=0)
        header = header_line(file)
        for part in parts_of(file, 2 if header else 1, ROWS_AT_ONCE):
            if part.line + part.data.count(b"\n") > from_line:
                _add(summary, _taken(client, header, part, defaults), part.line - (2 if header else 1))
            elapsed = bar.tasks[task].elapsed or 0.001
            shown = {"rows": summary["rows"], "per_s": summary["rows"] / elapsed, "faulty": summary["faulty"]}
            bar.update(task, advance=len(part.data), **shown)
    return summary


def _taken(client: SuppressionsClient, header: bytes, part: Part, defaults: dict[str, str]) -> dict[str, Any]:
    try:
        return client.take(header + part.data, defaults)
    except RefusedError as error:
        raise StoppedError(part.line, error) from error


def _add(summary: dict[str, Any], more: dict[str, Any], lines_before: int) -> None:
    for name in COUNTS:
        summary[name] += more[name]
    room = MOST_FAULTS - len(summary["faults"])
    summary["faults"] += [{**fault, "line": fault["line"] + lines_before} for fault in more["faults"][:room]]
