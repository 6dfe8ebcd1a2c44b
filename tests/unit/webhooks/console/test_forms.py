"""What stands in an endpoint's form, and what it makes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.console import forms
from shared.errors import ProblemError

LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).map(str.strip)
HEADERS = st.dictionaries(st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True), LINE, max_size=5)
PARAMETERS = st.dictionaries(st.from_regex(r"[a-z0-9=.&ü-]{1,20}", fullmatch=True), LINE, max_size=5)
VIEW: dict[str, Any] = {
    "name": "orders", "url": "https://x.example/", "description": "", "signature": "standard", "method": "POST",
    "headers": {}, "query": {}, "body": None, "events": ["email.sent", "email.bounced"],
}  # fmt: skip


def given_by(**fields: Any) -> dict[str, Any]:
    return {**forms.EMPTY, "url": "https://x.example/", **fields}


@given(HEADERS, PARAMETERS)
def test_what_is_shown_and_sent_unchanged_changes_nothing_and_reads_back(headers: Any, query: Any) -> None:
    shown = forms.shown({"rate": 7}, {**VIEW, "headers": headers, "query": query, "body": '{\n"a": 1}'})
    browser = {name: value.replace("\n", "\r\n") if isinstance(value, str) else value for name, value in shown.items()}
    assert forms.changes_of(browser, shown) == {}
    read = forms.body_of({**browser, "secret": ""})
    assert (read["headers"], read["query"], read["rate"]) == (headers, query, 7)
    assert read["body"] == '{\n"a": 1}'


def test_only_what_differs_is_changed() -> None:
    shown = forms.shown({"concurrency": 3}, VIEW)
    changed = {**shown, "name": "x", "concurrency": "", "headers": "A: b", "events": ["email.bounced", "email.sent"]}
    assert forms.changes_of(changed, shown) == {"name": "x", "concurrency": None, "headers": {"A": "b"}}


def test_an_empty_form_asks_for_defaults() -> None:
    body = forms.body_of(given_by())
    assert (body["concurrency"], body["body"], body["headers"], body["events"]) == (None, None, {}, [])
    assert "secret" not in body


def test_what_is_no_number_is_left_for_the_api_to_refuse() -> None:
    body = forms.body_of(given_by(rate="many", concurrency="9" * 30))
    assert (body["rate"], body["concurrency"]) == ("many", "9" * 30)


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("headers", "x-a: 1\nnothing", "Line 2 has no name and value"),
        ("headers", "x-a: 1\nx-a: 2", "Line 2: x-a stands there twice"),
        ("query", "order", "Line 1 has no name and value"),
    ],
)
def test_a_line_that_is_no_pair_is_told_by_its_number(field: str, text: str, words: str) -> None:
    with pytest.raises(ProblemError) as told:
        forms.body_of(given_by(**{field: text}))
    assert [fault.pointer for fault in told.value.errors] == [f"#/{field}"]
    assert re.search(words, told.value.errors[0].detail)


def test_parameters_are_read_with_and_without_spaces() -> None:
    assert forms.body_of(given_by(query="a=1=2\nb = {{data.x}} y\n\nc="))["query"] == {
        "a": "1=2", "b": "{{data.x}} y", "c": "",
    }  # fmt: skip
