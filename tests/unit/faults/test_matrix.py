"""The matrix holds what the full runs showed, and says where a promise broke."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from shared.failpoints import PLACES
from tests.faults.forms import Form
from tests.faults.judge import Judgement, Violation
from tests.faults.matrix import Fault, record
from tests.faults.report import render

FULL, SHORT = Form("full", 2000, 300), Form("short", 240, 90)
BROKEN = [
    *(Violation("lost", "m1", "…"), Violation("silent", "m1", "…")),
    Violation("twice without an ambiguous event", "m2", "…"),
]


def keep(results: Path, form: Form, seed: str, judgement: Judgement, seconds: float = 4.2) -> None:
    record(form, Fault("Kafka", "Kafka: kill -9", "none lost"), judgement, seconds, seed=seed, results=results)


def test_runs_of_several_seeds_are_one_row_and_the_last_of_each_seed_counts(tmp_path: Path) -> None:
    keep(tmp_path, FULL, "1", Judgement(messages=9, violations=BROKEN))
    keep(tmp_path, FULL, "1", Judgement(messages=2000, counts=Counter({"ambiguous events": 3})))
    keep(tmp_path, FULL, "2", Judgement(messages=2000), seconds=7.8)
    assert [file.name for file in tmp_path.iterdir()] == ["kafka-kill-9.json"]
    assert "## Kafka" in render(tmp_path)
    assert "| Kafka: kill -9 | none lost | 2 | 4,000 | 0 | 0 | 3 | 8 s | yes |" in render(tmp_path)


def test_a_broken_promise_is_published(tmp_path: Path) -> None:
    keep(tmp_path, FULL, "1", Judgement(messages=2000, violations=BROKEN))
    row = "| 1 | 2,000 | 1 | 1 | 0 | 4 s | **no**: lost, silent, twice without an ambiguous event |"
    assert row in render(tmp_path)


def test_runs_of_a_fault_at_several_stages_are_added_up_by_stage(tmp_path: Path) -> None:
    fault, counted = Fault("Kills", "kill -9 at each stage", "none lost"), {"kills": 2, "cut": 1100}
    for seed in ("1", "2"):
        stages = {"sender.dotted": counted, "sender.replied": {"kills": 1, "cut": 0}}
        record(FULL, fault, Judgement(messages=9), stages=stages, seed=seed, results=tmp_path)
    keep(tmp_path, FULL, "1", Judgement(messages=9))
    shown = render(tmp_path)
    assert f"| stage | kills | cut |\n| --- | --- | --- |\n| {PLACES['sender.dotted']} | 4 | 2,200 |\n" in shown
    assert shown.count("| stage |") == 1


def test_a_short_run_is_not_kept(tmp_path: Path) -> None:
    keep(tmp_path, SHORT, "1", Judgement(messages=240))
    assert not list(tmp_path.iterdir())
