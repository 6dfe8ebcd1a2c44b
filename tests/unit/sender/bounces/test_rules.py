"""Our own table of bounce rules: every rule is reached, every text is quick, and classes keep their promises."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.bounces.loader import OWN_FILE, Example, own_rules, parse_rules
from services.sender.bounces.model import Action, Refusal
from services.sender.smtp.outcomes import SUPPRESSING, BounceClass, Stage
from services.sender.smtp.verdicts import Verdict, classify

TEXT = files("services.sender.bounces").joinpath(OWN_FILE).read_text()
BOOK, EXAMPLES = parse_rules(TEXT, OWN_FILE)
TABLES = {table["id"]: table for table in tomllib.loads(TEXT)["rule"]}

C = BounceClass
RETRIED = {C.BLOCK_REPUTATION, C.THROTTLED, C.TLS, C.ROUTE_DOWN, C.CONNECTION}
"""Classes that no rule of ours bounces by: what they are about is not the message, or passes."""


def verdict_on(refusal: Refusal) -> Verdict:
    return classify(
        refusal.stage,
        refusal.code,
        refusal.enhanced,
        refusal.text,
        relayed=refusal.relayed,
        rollup=refusal.rollup,
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.rule.id}: {example.reply[:40]}")
def test_a_quoted_reply_is_told_by_its_rule(example: Example) -> None:
    """By the table as it is written, and by the verdict that is made of it."""
    verdict = verdict_on(example.refusal)
    row = TABLES[example.rule.id]
    assert (verdict.rule, str(verdict.class_)) == (row["id"], row["class"])
    wanted = row.get("action", "bounce" if example.refusal.code >= 500 else "retry")
    assert verdict.transient is (wanted == "retry")
    assert verdict.hard is (wanted == "bounce" and row.get("hard", True))


def test_there_is_a_reply_for_every_rule_and_well_over_a_hundred() -> None:
    assert {example.rule.id for example in EXAMPLES} == {rule.id for rule in BOOK.rules}
    assert len({example.reply for example in EXAMPLES}) > 200


def test_every_class_that_a_reply_can_have_has_a_rule() -> None:
    assert {rule.class_ for rule in BOOK.rules} == set(BounceClass)


@pytest.mark.parametrize("rule", BOOK.rules, ids=lambda rule: rule.id)
def test_a_class_keeps_its_promise(rule: object) -> None:
    found = next(each for each in BOOK.rules if each is rule)
    if found.class_ in RETRIED:
        assert found.action is Action.RETRY or (found.codes is not None and max(found.codes) < 500)
    if found.class_ in (C.MAILBOX_FULL, C.EXPIRED):
        assert not found.hard
    if found.class_ in SUPPRESSING:
        assert found.action is not Action.RETRY


@given(
    st.sampled_from(Stage),
    st.integers(300, 599),
    st.sampled_from([None, "4.7.1", "5.1.1", "5.2.1", "5.1.2", "5.4.1", "5.0.0", "5.999.999"]),
    st.sampled_from(["", "google", "office365", "outlook", "yahoo", "gmx", "qq", "mx:0123456789abcdef"]),
    st.text(max_size=80),
    st.booleans(),
)
def test_some_rule_fits_everything(
    stage: Stage, code: int, enhanced: str | None, rollup: str, text: str, relayed: bool
) -> None:
    assert own_rules().find(Refusal(stage, code, enhanced, text, rollup, relayed)) is not None


WORDS = (
    *("user", "mailbox", "address", "account", "recipient", "unknown", "blocked", "client host", "ip", "listed in"),
    *("permanent failure for one or more recipients (", "OFR", "messages from [1.2.3.4]", "this user doesn't have an"),
    *(" ", "\t", "[", "(", "_", "é", "0", "a", ";", "#BL"),
)


@given(st.lists(st.tuples(st.sampled_from(WORDS), st.integers(1, 2000)), max_size=6), st.sampled_from(Stage))
def test_no_text_takes_long(parts: list[tuple[str, int]], stage: Stage) -> None:
    """A pattern that backtracks without bound runs into the tests' time limit here."""
    hostile = "".join(word * times for word, times in parts)
    assert own_rules().find(Refusal(stage, 550, None, hostile, "orange")) is not None


def test_what_stands_behind_the_first_kib_is_not_looked_at() -> None:
    early, late = ("x" * (1024 - 13 + late) + " No such user" for late in (0, 1))
    assert verdict_on(Refusal(Stage.RCPT, 550, None, early)).class_ is C.INVALID_RECIPIENT
    assert verdict_on(Refusal(Stage.RCPT, 550, None, late)).class_ is C.UNDETERMINED


def test_a_providers_rule_is_not_for_others() -> None:
    text = "5.7.27 Your email has been blocked because the sender is unauthenticated."
    google, other = (verdict_on(Refusal(Stage.DOT, 550, "5.7.27", text, of)) for of in ("google", "mx:1"))
    assert (google.class_, google.rule) == (C.POLICY_AUTH, "google-authentication")
    assert other.class_ is C.SENDER_REJECTED
