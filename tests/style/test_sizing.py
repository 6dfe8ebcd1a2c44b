"""docs/sizing.md is what the benches' kept results come to."""

from __future__ import annotations

from tests.bench.sizing_document import DOCUMENT, document


def test_the_document_is_fresh() -> None:
    assert DOCUMENT.read_text() == document(), "docs/sizing.md is stale: python -m tests.bench.sizing_document"
