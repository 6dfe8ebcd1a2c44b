"""What the documents name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
METRIC = re.compile(r"posthorn_[a-z_]+")
SETTING = re.compile(r"POSTHORN_[A-Z0-9_]+[A-Z0-9]\b")
NO_SETTINGS = {
    "POSTHORN_API_KEY", "POSTHORN_HOME", "POSTHORN_PORT_BASE", "POSTHORN_PASSWORDS", "POSTHORN_FAILPOINTS",
    "POSTHORN_PASSWORD_OF_POSTHORN_SENDER", "POSTHORN_DOCTOR_HEALTH", "POSTHORN_DOCTOR_SMTP_DOOR", "POSTHORN_TEST_SEED",
}  # fmt: skip
"""What commands, the local stack and the tests read."""
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_invariant_names_tests_that_exist() -> None:
    named = NAMED_TEST.findall((ROOT / "docs" / "architecture.md").read_text())
    assert len(named) >= 8
    for file, name in named:
        path = ROOT / file
        assert path.is_file(), file
        assert re.search(rf"def {name}\(", path.read_text()), f"{file} has no {name}"


def test_every_row_of_compatibility_has_a_test_or_a_reason_and_every_test_a_row() -> None:
    document = (ROOT / "docs" / "compatibility.md").read_text()
    rows = re.findall(r"^\| (?!behaviour)(?!-)(.+) \| (.+) \|$", document, re.MULTILINE)
    for behaviour, shown in rows:
        assert NAMED_TEST.search(shown) or shown.startswith("not done: "), behaviour
    named = set(NAMED_TEST.findall(document))
    for file in sorted((ROOT / "tests" / "e2e" / "compatibility").glob("test_*.py")):
        path = str(file.relative_to(ROOT))
        written = set(re.findall(r"def (test_\w+)\(", file.read_text()))
        assert written == {name for of, name in named if of == path}, path


def test_every_metric_that_a_document_names_is_declared() -> None:
    declared = set(METRIC.findall((ROOT / "docs" / "metrics.md").read_text()))
    for document in DOCUMENTS:
        assert set(METRIC.findall(document.read_text())) <= declared, document.name


def test_every_setting_that_a_document_names_is_there() -> None:
    known = set(SETTING.findall((ROOT / "docs" / "settings.md").read_text())) | NO_SETTINGS
    for document in DOCUMENTS:
        assert set(SETTING.findall(document.read_text())) <= known, document.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), f"{document.name}: {target}"
