"""docs/reliability.md is what the kept runs show."""

from tests.faults.report import DOCUMENT, render


def test_the_matrix_is_fresh() -> None:
    assert DOCUMENT.read_text() == render(), "docs/reliability.md is stale: python -m tests.faults.report"
