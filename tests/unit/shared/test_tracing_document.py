"""docs/tracing.md names every attribute that spans have, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from shared.telemetry import names

DOCUMENT = (Path(__file__).parents[3] / "docs" / "tracing.md").read_text()
ATTRIBUTE = re.compile(r"`([a-z]+(?:\.[a-z_]+)+)`")


def test_the_table_of_attributes_is_the_codes() -> None:
    table = DOCUMENT.split("| attribute | of | |")[1].split("\n\n")[0]
    named = [
        name for row in table.splitlines() if row.startswith("| `") for name in ATTRIBUTE.findall(row.split("|")[1])
    ]
    ours = {value for name, value in vars(names).items() if name.isupper()}
    assert set(named) == ours
    assert len(named) == len(ours)
