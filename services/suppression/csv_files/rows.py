"""Rows out of a stream of bytes, a bounded number at a time."""

from __future__ import annotations

import codecs
import csv
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass

AT_ONCE = 1_000
MAX_ROW = 64 * 1024
MAX_ROW_LINES = 50


@dataclass(frozen=True, slots=True)
class Row:
    """`line` is that of its beginning, from 1; `fault` says why it has no cells."""

    line: int
    cells: list[str]
    fault: str | None = None


class RowReader:
    """Takes UTF-8 in pieces, gives the rows that are whole. A row that does not end as it should is a fault of its
    first line alone: reading goes on with the next."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._rest = ""
        self._line = 1
        self._open: list[str] = []

    @property
    def is_between(self) -> bool:
        """Whether what was taken ends where a row does."""
        return not self._open and not self._rest

    def take(self, piece: bytes, *, last: bool = False) -> list[Row]:
        lines = (self._rest + self._decoder.decode(piece, last)).split("\n")
        self._rest = lines.pop()
        if last and self._rest:
            lines.append(self._rest)
        rows = self._rows([line.removesuffix("\r") for line in lines])
        while last and self._open:
            rows += self._given_up("The quoted cell that begins here does not end.")
        if not last and len(self._rest) > MAX_ROW:
            rows.append(Row(self._line, [], "This line is longer than 64 KiB."))
            self._rest = ""
        return rows

    def _rows(self, lines: Sequence[str]) -> list[Row]:
        if not self._open and not any('"' in line for line in lines):
            first = self._line
            self._line += len(lines)
            return [Row(first + number, line.split(",")) for number, line in enumerate(lines) if line]
        rows: list[Row] = []
        for line in lines:
            self._open.append(line)
            rows += self._tried()
        return rows

    def _tried(self) -> list[Row]:
        """The row that the open lines are, if they are one."""
        try:
            cells = next(csv.reader([f"{line}\n" for line in self._open], strict=True))
        except csv.Error as error:
            goes_on = len(self._open) < MAX_ROW_LINES and sum(map(len, self._open)) < MAX_ROW
            if goes_on and "end of data" in str(error):
                return []
            return self._given_up(f"This is not CSV: {error}.")
        row = Row(self._line, cells)
        self._line += len(self._open)
        self._open = []
        return [row] if cells else []

    def _given_up(self, fault: str) -> list[Row]:
        """The first of the open lines is faulty; the rest may be rows of their own."""
        rows, rest = [Row(self._line, [], fault)], self._open[1:]
        self._line += 1
        self._open = []
        for line in rest:
            self._open.append(line)
            rows += self._tried()
        return rows


async def batches(stream: AsyncIterable[bytes]) -> AsyncIterator[list[Row]]:
    """The rows of a stream, a thousand at a time: no more of it is read before these are done with."""
    reader, waiting = RowReader(), []
    async for piece in stream:
        waiting += reader.take(piece)
        while len(waiting) >= AT_ONCE:
            yield waiting[:AT_ONCE]
            waiting = waiting[AT_ONCE:]
    waiting += reader.take(b"", last=True)
    for begin in range(0, len(waiting), AT_ONCE):
        yield waiting[begin : begin + AT_ONCE]
