"""The two forms of a fault test: a short one for `make test`, a full one for `make faults`, which fills the matrix."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from _pytest.mark import ParameterSet

SEED = os.environ.get("POSTHORN_TEST_SEED", "1")
SHORT_SECONDS, FULL_SECONDS = 90.0, 300.0
SHORT_MARKS = (pytest.mark.timeout(300),)
FULL_MARKS = (pytest.mark.faults, pytest.mark.timeout(3600))


@dataclass(frozen=True)
class Form:
    """How large a run is: `messages` of load, and `seconds` that everything may take to end after the fault."""

    name: str
    messages: int
    seconds: float

    @property
    def full(self) -> bool:
        """Whether this run writes a row of the matrix."""
        return self.name == "full"


def forms(short: int = 240, full: int = 2000) -> list[ParameterSet]:
    """Both forms of a test, for `pytest.mark.parametrize("form", forms())`; each brings its own timeout."""
    return [
        pytest.param(Form("short", short, SHORT_SECONDS), id="short", marks=SHORT_MARKS),
        *full_form(full),
    ]


def full_form(messages: int = 2000) -> list[ParameterSet]:
    """The full form alone, of a test whose kind (processes, Kafka, MongoDB, owners, replays, disks) another one shows
    in `make test`, which is to stay under 20 minutes on two slow cores."""
    return [pytest.param(Form("full", messages, FULL_SECONDS), id="full", marks=FULL_MARKS)]
