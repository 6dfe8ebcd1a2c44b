"""The references in docs/ are what the code declares."""

from collections.abc import Callable
from functools import partial

import pytest

from deploy.reference import DOCS, NOTE, render_metrics, render_settings
from services.access.reference import render_access
from shared.settings import SharedSettings

REFERENCES = [
    ("settings.md", render_settings),
    ("metrics.md", render_metrics),
    ("access.md", partial(render_access, NOTE)),
]


@pytest.mark.parametrize(("name", "render"), REFERENCES)
def test_reference_is_fresh(name: str, render: Callable[[], str]) -> None:
    assert (DOCS / name).read_text() == render(), f"docs/{name} is stale: python -m deploy.reference"


def test_every_setting_says_what_it_is_for() -> None:
    rows = [line.strip("| ").split(" | ") for line in render_settings().splitlines() if line.startswith("| `POSTHORN_")]
    assert [row[0] for row in rows if len(row) < 4 or not row[3]] == []
    assert {f"`POSTHORN_{name.upper()}`" for name in SharedSettings.model_fields} < {row[0] for row in rows}


def test_metrics_stand_under_the_names_that_are_scraped() -> None:
    rendered = render_metrics()
    assert "| `posthorn_accepted_total` | counter | `lane`, `door` | Messages accepted (202 or 250 given) |" in rendered
    assert "| `posthorn_end_to_end_seconds` | histogram | `lane` |" in rendered
