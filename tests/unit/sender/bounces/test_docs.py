"""docs/bounces.md says what is there."""

from __future__ import annotations

import re
from pathlib import Path

from services.sender.bounces.loader import own_rules, parse_rules
from services.sender.bounces.rows import RuleRow
from services.sender.smtp.outcomes import SUPPRESSING, BounceClass

DOCUMENT = (Path(__file__).parents[4] / "docs" / "bounces.md").read_text()


def test_every_class_has_its_row_and_those_that_suppress_say_so() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .+ \| (\w+)[^|]* \|$", DOCUMENT, re.MULTILINE))
    classes = {name: word for name, word in rows.items() if name in set(BounceClass)}
    assert classes.keys() == set(BounceClass)
    assert {name for name, word in classes.items() if word == "suppressed"} == SUPPRESSING


def test_every_key_of_a_rule_is_explained() -> None:
    keys = {field.alias or name for name, field in RuleRow.model_fields.items()}
    assert keys <= set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE))


def test_the_example_is_a_file_that_is_taken() -> None:
    (text,) = re.findall(r"```toml\n(.+?)```", DOCUMENT, re.DOTALL)
    book, examples = parse_rules(text, "own.toml", {rule.id for rule in own_rules().rules})
    assert (len(book.rules), len(examples)) == (1, 2)
