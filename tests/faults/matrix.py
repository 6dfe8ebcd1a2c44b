"""What the full runs showed: one JSON file for each fault, of which tests/faults/report.py makes the document."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.forms import SEED, Form
from tests.faults.judge import DUPLICATED, LOST, Judgement

RESULTS = Path(__file__).parent / "results"
NO_STAGES: Mapping[str, dict[str, int]] = {}


@dataclass(frozen=True)
class Fault:
    """What a run brings, of which kind that is, and what is promised for it."""

    kind: str
    what: str
    promised: str


@dataclass(frozen=True)
class Run:
    """One run. `date` is of UTC, `lost` and `duplicated` count messages, `broken` the violations of each rule: {} where
    every promise held. `stages` is for a fault that comes at several: see `deaths.tally`."""

    date: str
    messages: int
    lost: int
    duplicated: int
    ambiguous: int
    recovery_seconds: float
    broken: dict[str, int]
    stages: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass
class Row:
    """One fault: its kind, what it does, what was promised, and the last run of each seed."""

    kind: str
    fault: str
    promised: str
    runs: dict[str, Run] = field(default_factory=dict)


def record(
    form: Form,
    fault: Fault,
    judgement: Judgement,
    recovery_seconds: float | None = None,
    *,
    stages: Mapping[str, dict[str, int]] = NO_STAGES,
    seed: str = SEED,
    results: Path = RESULTS,
) -> None:
    """Keeps what a full run showed; nothing for a short one.

    `recovery_seconds`: from the end of the fault, or of the load where that was later, until nothing moved any more;
    the judgement's own wait for that when not given. To be called before the judgement is asserted, so that a broken
    promise is published too.
    """
    if not form.full:
        return
    file = results / f"{slug(fault.what)}.json"
    row = Row(fault.kind, fault.what, fault.promised, read(file).runs if file.exists() else {})
    row.runs[seed] = Run(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        messages=judgement.messages,
        lost=_messages(judgement, LOST),
        duplicated=_messages(judgement, DUPLICATED),
        ambiguous=judgement.counts["ambiguous events"],
        recovery_seconds=round(judgement.quiet_after if recovery_seconds is None else recovery_seconds, 1),
        broken=dict(Counter(violation.rule for violation in judgement.violations)),
        stages=dict(stages),
    )
    results.mkdir(exist_ok=True)
    file.write_text(json.dumps(asdict(row), indent=2, ensure_ascii=False) + "\n")


def _messages(judgement: Judgement, rules: Collection[str]) -> int:
    return len({violation.message_id for violation in judgement.violations if violation.rule in rules})


def read(file: Path) -> Row:
    """A row as it was kept."""
    kept = json.loads(file.read_text())
    return Row(**{**kept, "runs": {seed: Run(**run) for seed, run in kept["runs"].items()}})


def rows(results: Path = RESULTS) -> list[Row]:
    """Every row, by kind and fault."""
    return sorted(map(read, results.glob("*.json")), key=lambda row: (row.kind, row.fault))


def slug(fault: str) -> str:
    """`Kafka: kill -9` as `kafka-kill-9`."""
    return re.sub(r"[^a-z0-9]+", "-", fault.lower()).strip("-")
