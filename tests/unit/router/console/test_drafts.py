"""Drafts of rules as text: read, compared, and told what is wrong by its lines."""

from __future__ import annotations

import json

import pytest

from services.router.console.drafts import MOST_CHARACTERS, draft_of, refused, text_of
from services.router.routes_command.present import Present
from shared.errors import Fault, ProblemError
from tests.unit.router.test_routes_file import present, view

TEXT = "order: [direct]\nrules:\n- id: a\n  when: {tags: [x]}\n  hold: {reason: they move}\n"


def there() -> Present:
    return present(view("relay"))


def test_what_is_active_is_a_draft_that_changes_nothing() -> None:
    draft = draft_of(text_of(there()), there())
    assert draft.plan is not None
    assert (draft.faults, draft.plan.changes) == ((), False)


def test_a_draft_may_be_json_and_have_a_browsers_line_ends() -> None:
    yaml, as_json = draft_of(TEXT.replace("\n", "\r\n"), there()), draft_of(
        json.dumps({"order": ["direct"],
                    "rules": [{"id": "a", "when": {"tags": ["x"]}, "hold": {"reason": "they move"}}]}), there()
    )  # fmt: skip
    assert yaml.text == TEXT
    assert yaml.rules == as_json.rules
    assert [step.label for step in yaml.steps] == ["a"]


@pytest.mark.parametrize(
    ("text", "line", "source", "words"),
    [
        (TEXT.replace("tags", "tgas"), 4, "when: {tgas: [x]}", "rules[0].when.tgas: there is no such field"),
        (TEXT.replace("[direct]", "[nobody]"), 1, "order: [nobody]", "order[0]: there is no transport nobody"),
        ("rules: [", 1, "rules: [", "expected the node content, but found '<stream end>'"),
        ("- x", 1, "- x", "is not a mapping of transports, order and rules"),
        ("[" * 3000, None, "", "is nested too deeply"),
        ("x" * (MOST_CHARACTERS + 1), None, "", f"A draft has at most {MOST_CHARACTERS} characters."),
        ("transports:\n  n: {kind: direct}\n", 2, "n: {kind: direct}",
         "transports.n: transports are made and changed on their own pages: leave this out, or make it the same first"),
    ],
)  # fmt: skip
def test_a_fault_has_its_line_and_what_stands_there(text: str, line: int | None, source: str, words: str) -> None:
    draft = draft_of(text, there())
    assert draft.plan is None
    assert [(each.line, each.source, each.words) for each in draft.faults] == [(line, source, words)]


def test_what_the_store_finds_wrong_is_told_by_its_line_too() -> None:
    problem = ProblemError(422, "invalid_request", "It is.", errors=[Fault("#/rules/0/hold", "x", "Not now.")])
    (fault,) = refused(draft_of(TEXT, there()), problem).faults
    assert (fault.line, fault.words) == (5, "rules[0].hold: Not now.")
    (whole,) = refused(draft_of(TEXT, there()), ProblemError(422, "x", "It is too much.")).faults
    assert (whole.line, whole.words) == (None, "It is too much.")
