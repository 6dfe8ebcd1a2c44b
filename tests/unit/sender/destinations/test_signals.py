"""Which outcomes are about the destination."""

from __future__ import annotations

import pytest

from services.sender.destinations.signals import asks_for_less, went_well
from services.sender.smtp.outcomes import Deferred, Outcome, Stage
from services.sender.smtp.replies import Reply
from services.sender.smtp.unreached import OTHER_FAMILY
from services.sender.smtp.verdicts import Lost, outcome_of


@pytest.mark.parametrize(
    ("outcome", "good", "less"),
    [
        (outcome_of(Stage.DOT, Reply(250, ("2.0.0 taken",))), True, False),
        (outcome_of(Stage.RCPT, Reply(550, ("5.1.1 unknown",))), True, False),
        (outcome_of(Stage.RCPT, Reply(450, ("4.7.1 greylisted, try again later",))), False, False),
        (outcome_of(Stage.RCPT, Reply(452, ("4.2.2 mailbox full",))), False, False),
        (outcome_of(Stage.RCPT, Reply(450, ("4.2.1 The user receives too much mail",))), False, False),
        (outcome_of(Stage.MAIL, Reply(421, ("4.3.2 closing",))), False, True),
        (outcome_of(Stage.RCPT, Reply(451, ("4.7.28 unusual rate",))), False, True),
        (outcome_of(Stage.BANNER, Reply(554, ("5.7.1 go away",))), False, True),
        (outcome_of(Stage.CONNECT, None, lost=Lost.REFUSED), False, True),
        (outcome_of(Stage.EHLO, None, lost=Lost.TIMEOUT), False, True),
        (Deferred(stage=Stage.CONNECT, code=451, rule=OTHER_FAMILY), False, False),
        (outcome_of(Stage.AUTH, Reply(535, ("5.7.8 no",)), relayed=True), False, True),
        (outcome_of(Stage.STARTTLS, None, lost=Lost.TLS), False, False),
        (outcome_of(Stage.RCPT, None, lost=Lost.CLOSED), False, False),
        (outcome_of(Stage.DOT, None, lost=Lost.TIMEOUT), False, False),
    ],
)  # fmt: skip
def test_what_an_outcome_says(outcome: Outcome, good: bool, less: bool) -> None:
    assert (went_well(outcome), asks_for_less(outcome)) == (good, less)
