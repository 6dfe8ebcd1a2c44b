"""A template's form, and the data that it is tried with."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.console.template_form import body_of, changes_of, data_of, draft_of, filled
from services.ingest.faults import Faults
from services.ingest.templates.template import template_of

KEPT: dict[str, Any] = {
    "name": "Welcome", "type": "transactional", "subject": "Hi {{name ?? 'you'}}", "html": "<p>\r\n{{code}}</p>",
    "text": None, "from": None, "created_at": "2026-01-01T00:00:00Z", "changed_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
TEMPLATE = template_of("t1", 3, KEPT)


def test_a_form_that_was_not_touched_changes_nothing() -> None:
    """A browser's line breaks are CRLF whatever the template had."""
    given = {name: value.replace("\r\n", "\n") for name, value in filled(TEMPLATE).items()}
    assert changes_of(TEMPLATE, given) == {}


def test_what_is_emptied_is_taken_away_but_what_a_template_needs() -> None:
    body = body_of({**filled(TEMPLATE), "name": "", "html": "", "from": ""})
    assert (body["name"], body["html"], body["from"]) == ("", None, None)


def test_a_draft_is_what_stands_in_the_fields() -> None:
    draft = draft_of({**filled(TEMPLATE), "subject": "Hello", "reply_to": "a@b.test"})
    assert (draft.subject, draft.reply_to, draft.text) == ("Hello", "a@b.test", None)


def test_the_data_begins_with_the_variables_that_need_a_value() -> None:
    assert data_of(filled(TEMPLATE)["data"], Faults()) == {"code": "code"}


@pytest.mark.parametrize("text", ["{", "[1]", "1", '{"a": ' + '"' + "x" * 300_000 + '"}'])
def test_what_is_no_object_is_a_fault_of_the_data(text: str) -> None:
    faults = Faults()
    assert data_of(text, faults) == {}
    assert faults.concern("data")


def test_no_data_is_an_empty_object() -> None:
    faults = Faults()
    assert (data_of("", faults), list(faults)) == ({}, [])
