"""Cells that no spreadsheet runs."""

from __future__ import annotations

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from shared.csv_lines import guarded, line_of, unguarded

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), max_size=12)


@given(st.text(max_size=20))
@example("=1+1")
@example("'=1+1")
@example("'")
def test_no_cell_begins_like_a_formula_and_each_comes_back(text: str) -> None:
    safe = guarded(text)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(safe) == text


@given(st.lists(CELL | st.none(), min_size=2, max_size=5))
def test_a_line_reads_as_the_cells_it_was_made_of(cells: list[str | None]) -> None:
    (read,) = csv.reader(io.StringIO(line_of(cells), newline=""))
    assert list(map(unguarded, read)) == [cell or "" for cell in cells]
