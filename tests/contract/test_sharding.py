"""The collections that docs/sizing.md says may be sharded by `{_id: "hashed"}`: what MongoDB asks of them beside what
tests/integration/conftest.py holds every write to."""

from __future__ import annotations

from typing import Any

import pytest

from services.setup import declared_indexes
from tests.fixtures.sharding import SHARDED, untargeted

ONE = {"_id": "0193"}


@pytest.mark.parametrize(("service", "collection"), [(of, name) for of, names in SHARDED.items() for name in names])
def test_no_shard_would_have_to_know_of_the_others_what_is_unique(service: str, collection: str) -> None:
    declared = [index for name, indexes in declared_indexes(service) if name == collection for index in indexes]
    assert declared
    assert not [index.document for index in declared if index.document.get("unique")]


@pytest.mark.parametrize(
    "command",
    [
        {"update": "messages", "updates": [{"q": ONE, "u": {}}, {"q": ONE, "u": {}, "upsert": True}]},
        {"update": "messages", "updates": [{"q": {**ONE, "state": "held"}, "u": {}}]},
        {"update": "messages", "updates": [{"q": {"state": "held"}, "u": {}, "multi": True}]},
        {"delete": "messages", "deletes": [{"q": ONE, "limit": 1}, {"q": {"state": "held"}, "limit": 0}]},
        {"findAndModify": "messages", "query": ONE},
        {"find": "messages", "filter": {}},
    ],
)
def test_writes_that_say_which_document_are_fine(command: dict[str, Any]) -> None:
    assert not list(untargeted(command))


@pytest.mark.parametrize(
    "command",
    [
        {"update": "messages", "updates": [{"q": {"state": "held"}, "u": {}}]},
        {"update": "messages", "updates": [{"q": {"_id": {"$in": ["0193"]}}, "u": {}, "multi": False}]},
        {"delete": "messages", "deletes": [{"q": {"state": "held"}, "limit": 1}]},
        {"findAndModify": "messages", "query": {"state": "held"}},
    ],
)
def test_writes_that_do_not_are_found(command: dict[str, Any]) -> None:
    assert list(untargeted(command))
