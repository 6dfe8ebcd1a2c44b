"""Files of bounce rules: what is wrong with one is said with its line."""

from __future__ import annotations

import pytest

from services.sender.bounces.loader import BounceRulesError, own_rules, parse_rules
from services.sender.bounces.model import Action, Refusal
from services.sender.smtp.outcomes import BounceClass, Stage

GOOD = """
# ours
[[rule]]
example = "550 5.7.1 Not on a Sunday"
id = "sunday"
provider = "mx:0123456789abcdef"
stage = ["rcpt", "dot"]
code = ["4xx", "550"]
enhanced = "X.7.*"
text = 'sunday'
relayed = false
class = "undetermined"
action = "retry"
hard = false
"""


def test_a_rule_and_all_of_its_conditions() -> None:
    book, (example,) = parse_rules(GOOD, "own.toml")
    (rule,) = book.rules
    assert (rule.id, rule.class_, rule.action, rule.hard) == (
        "sunday",
        BounceClass.UNDETERMINED,
        Action.RETRY,
        False,
    )
    fits = example.refusal
    assert fits == Refusal(Stage.RCPT, 550, "5.7.1", "5.7.1 Not on a Sunday", "mx:0123456789abcdef")
    assert book.find(fits) is rule
    others = [
        Refusal(Stage.MAIL, 550, "5.7.1", fits.text, fits.rollup),
        Refusal(Stage.DOT, 551, "5.7.1", fits.text, fits.rollup),
        Refusal(Stage.DOT, 550, "5.1.1", fits.text, fits.rollup),
        Refusal(Stage.DOT, 550, None, fits.text, fits.rollup),
        Refusal(Stage.DOT, 550, "5.7.1", "Monday", fits.rollup),
        Refusal(Stage.DOT, 550, "5.7.1", fits.text, "google"),
        Refusal(Stage.DOT, 550, "5.7.1", fits.text, fits.rollup, relayed=True),
    ]
    assert [book.find(other) for other in others] == [None] * len(others)
    assert book.find(Refusal(Stage.DOT, 421, "4.7.99", "SUNDAY", fits.rollup)) is rule


@pytest.mark.parametrize(
    ("before", "after", "line", "reason"),
    [
        ('id = "sunday"', 'id = "sunday', 5, "at line 5"),
        ('id = "sunday"', 'id = "Sunday!"', 5, "id: "),
        ('id = "sunday"', 'id = "no-recipient"', 5, "id: there is another rule no-recipient"),
        ('id = "sunday"\n', "", 3, "id: Field required"),
        ('example = "550 5.7.1 Not on a Sunday"\n', "", 3, "example: Field required"),
        ("550 5.7.1 Not on a Sunday", "Not on a Sunday", 4, "is no SMTP reply"),
        ("550 5.7.1 Not on a Sunday", "550 5.7.1 Not on a Monday", 4, "does not fit the rule that quotes it"),
        ('stage = ["rcpt", "dot"]', 'stage = ["rcpt", "end"]', 7, "stage: "),
        ('"550"]', '"55"]', 8, "code: '55' is neither a reply code"),
        ('"X.7.*"', '"5.7.1"', 9, "enhanced: '5.7.1' is not written X.1.1"),
        ("'sunday'", "'(sun)+day'", 10, "repeats something without a bound"),
        ('class = "undetermined"', 'class = "sunday"', 12, "class: "),
        ('action = "retry"', 'action = "wait"', 13, "action: "),
        ("hard = false", "soft = true", 14, "soft: Extra inputs are not permitted"),
        ("# ours", 'title = "ours"', 1, "holds [[rule]] tables only"),
        (
            "# ours",
            '[[rule]]\nid = "first"\nexample = "550 no"\nclass = "protocol"',
            7,
            "taken by first, which stands before",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(before: str, after: str, line: int, reason: str) -> None:
    assert before in GOOD
    with pytest.raises(BounceRulesError) as caught:
        parse_rules(GOOD.replace(before, after), "own.toml", {rule.id for rule in own_rules().rules})
    assert str(caught.value).startswith(f"own.toml:{line}: ")
    assert reason in str(caught.value)
    assert caught.value.line == line


def test_an_unclosed_string_at_the_end_names_the_last_line() -> None:
    with pytest.raises(BounceRulesError, match=r"own\.toml:2: "):
        parse_rules('[[rule]]\nid = """x', "own.toml")
