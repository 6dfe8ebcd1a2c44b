"""The names of spans' attributes against OpenTelemetry's own list of them."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import opentelemetry.semconv
import pytest

from shared.telemetry import names

ROOT = Path(__file__).parents[3]
OWN = ("mail.", "posthorn.")
OURS = {name: value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}


def conventions() -> set[str]:
    """Every attribute that the semantic conventions know, stable or not."""
    folder = Path(opentelemetry.semconv.__path__[0])
    found: set[str] = set()
    for path in folder.rglob("*_attributes.py"):
        module = ".".join(path.relative_to(folder.parents[1]).with_suffix("").parts)
        loaded = vars(importlib.import_module(module))
        found |= {value for name, value in loaded.items() if name.isupper() and isinstance(value, str)}
    return found


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_name_is_of_the_conventions_or_plainly_our_own(name: str) -> None:
    assert OURS[name].startswith(OWN) or OURS[name] in conventions()


def test_a_name_that_is_not_of_the_conventions_would_be_found() -> None:
    assert "messaging.kafka.offset" in conventions()
    assert "messaging.kafka.offsets" not in conventions()


def test_attributes_are_written_in_one_module_alone() -> None:
    known = "|".join(f'"{re.escape(value)}"' for value in OURS.values())
    quoted = re.compile(rf'{known}|set_attribute\("|"(?:messaging|mail|posthorn)\.[a-z_.]+":')
    for path in (*(ROOT / "services").rglob("*.py"), *(ROOT / "shared").rglob("*.py")):
        if path.name != "names.py":
            assert not quoted.findall(path.read_text()), path
