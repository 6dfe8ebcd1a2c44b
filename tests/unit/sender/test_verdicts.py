"""What replies mean: the table of stages and classes, and what no rule can overrule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.smtp.outcomes import (
    MAX_TRANSCRIPT,
    SUPPRESSING,
    Ambiguous,
    BounceClass,
    Bounced,
    Deferred,
    Delivered,
    Relayed,
    Scope,
    Stage,
    Step,
    cut_transcript,
)
from services.sender.smtp.replies import Reply
from services.sender.smtp.verdicts import Lost, classify, outcome_of

C, S = BounceClass, Stage
TRANSIENT, SOFT, HARD = "transient", "soft", "hard"


@pytest.mark.parametrize(
    ("stage", "reply", "class_", "fate"),
    [
        (S.BANNER, "421 4.7.0 Too many connections", C.THROTTLED, TRANSIENT),
        (S.BANNER, "450 not yet", C.CONNECTION, TRANSIENT),
        (S.BANNER, "554 5.7.1 No SMTP service for you", C.BLOCK_REPUTATION, TRANSIENT),
        (S.EHLO, "550 who are you", C.BLOCK_REPUTATION, TRANSIENT),
        (S.STARTTLS, "454 4.7.0 TLS not available", C.TLS, TRANSIENT),
        (S.STARTTLS, "554 no", C.TLS, TRANSIENT),
        (S.AUTH, "535 5.7.8 Authentication credentials invalid", C.ROUTE_DOWN, TRANSIENT),
        (S.AUTH, "454 4.7.0 Temporary authentication failure", C.ROUTE_DOWN, TRANSIENT),
        (S.MAIL, "451 4.3.0 try later", C.UNDETERMINED, TRANSIENT),
        (S.MAIL, "550 5.7.1 sender not welcome", C.SENDER_REJECTED, HARD),
        (S.MAIL, "553 5.1.8 sender domain does not exist", C.SENDER_REJECTED, HARD),
        (S.MAIL, "552 5.3.4 message size exceeds fixed limit", C.MESSAGE_TOO_LARGE, HARD),
        (S.MAIL, "550 5.7.1 host [192.0.2.1] blocked using Spamhaus", C.BLOCK_REPUTATION, TRANSIENT),
        (S.MAIL, "530 5.7.0 Authentication required", C.ROUTE_DOWN, TRANSIENT),
        (S.RCPT, "550 5.1.1 <x@y.test>: Recipient address rejected: User unknown", C.INVALID_RECIPIENT, HARD),
        (S.RCPT, "550 No such user here", C.INVALID_RECIPIENT, HARD),
        (S.RCPT, "550 Requested action not taken: mailbox not found", C.INVALID_RECIPIENT, HARD),
        (S.RCPT, "550 5.4.1 Recipient address rejected: Access denied.", C.INVALID_RECIPIENT, HARD),
        (S.RCPT, "450 4.1.1 user unknown, try again", C.INVALID_RECIPIENT, TRANSIENT),
        (S.RCPT, "450 5.1.1 the basic code wins", C.INVALID_RECIPIENT, TRANSIENT),
        (S.RCPT, "550 4.1.1 the basic code wins", C.INVALID_RECIPIENT, HARD),
        (S.RCPT, "550 5.1.2 bad destination system", C.INVALID_DOMAIN, HARD),
        (S.RCPT, "550 5.2.1 mailbox disabled", C.INACTIVE_MAILBOX, HARD),
        (S.DOT, "554 30 Sorry, This mailbox is disabled (554.30).", C.INACTIVE_MAILBOX, HARD),
        (S.RCPT, "450 4.2.1 The user is receiving mail at a rate that", C.THROTTLED, TRANSIENT),
        (S.RCPT, "452 4.2.2 over quota", C.MAILBOX_FULL, TRANSIENT),
        (S.RCPT, "550 5.2.2 over quota", C.MAILBOX_FULL, SOFT),
        (S.RCPT, "552 over quota", C.MAILBOX_FULL, TRANSIENT),
        (S.RCPT, "552 5.3.4 too big for this user", C.MESSAGE_TOO_LARGE, HARD),
        (S.RCPT, "452 4.5.3 too many recipients", C.THROTTLED, TRANSIENT),
        (S.RCPT, "450 4.2.0 Greylisted, see https://postgrey.test", C.GREYLISTED, TRANSIENT),
        (S.RCPT, "451 4.7.1 Please come back", C.GREYLISTED, TRANSIENT),
        (S.RCPT, "450 try again later", C.GREYLISTED, TRANSIENT),
        (S.RCPT, "550 5.7.1 Client host rejected: your IP is blacklisted", C.BLOCK_REPUTATION, TRANSIENT),
        (S.RCPT, "550 5.7.1 not today", C.UNDETERMINED, HARD),
        (S.RCPT, "554 5.4.4 no route", C.ROUTING_DNS, TRANSIENT),
        (S.RCPT, "554 5.4.6 mail loop", C.ROUTING_DNS, HARD),
        (S.RCPT, "554 5.7.1 <x@y.test>: Relay access denied", C.ROUTING_DNS, TRANSIENT),
        (S.RCPT, "421 4.3.2 shutting down", C.THROTTLED, TRANSIENT),
        (S.RCPT, "503 5.5.1 bad sequence", C.PROTOCOL, HARD),
        (S.DATA, "451 4.3.0 no room", C.UNDETERMINED, TRANSIENT),
        (S.DATA, "554 5.5.1 no valid recipients", C.PROTOCOL, HARD),
        (S.DOT, "451 4.3.0 queue file write error", C.UNDETERMINED, TRANSIENT),
        (S.DOT, "554 5.7.1 Message rejected as spam", C.CONTENT_REJECTED, HARD),
        (S.DOT, "554 5.7.1 refused", C.CONTENT_REJECTED, HARD),
        (S.DOT, "550 5.6.0 bad MIME", C.CONTENT_REJECTED, HARD),
        (S.DOT, "550 5.7.26 This mail is unauthenticated", C.POLICY_AUTH, HARD),
        (S.DOT, "550 5.7.515 Access denied, sending domain does not meet the required level", C.POLICY_AUTH, HARD),
        (S.DOT, "550 rejected by DMARC policy", C.POLICY_AUTH, HARD),
        (S.DOT, "550 5.1.1 no such user", C.INVALID_RECIPIENT, HARD),
        (S.DOT, "552 5.3.4 too large", C.MESSAGE_TOO_LARGE, HARD),
        (S.DOT, "421 4.7.28 unusual rate of unsolicited mail", C.THROTTLED, TRANSIENT),
        (S.DOT, "451 4.7.500 Server busy. Please try again later", C.THROTTLED, TRANSIENT),
        (S.DOT, "550 5.7.1 messages from [192.0.2.1] weren't sent. (S3150)", C.BLOCK_REPUTATION, TRANSIENT),
        (S.DOT, "554 no", C.UNDETERMINED, HARD),
    ],
)  # fmt: skip
def test_a_reply_and_what_it_means(stage: Stage, reply: str, class_: BounceClass, fate: str) -> None:
    outcome = outcome_of(stage, Reply(int(reply[:3]), (reply[4:],)))
    assert outcome.class_ is class_, outcome.rule
    assert isinstance(outcome, Deferred if fate is TRANSIENT else Bounced), outcome.rule
    assert outcome.hard is (fate is HARD)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_loss_is_transient_before_the_dot_and_ambiguous_after_it(stage: Stage) -> None:
    for lost in Lost:
        outcome = outcome_of(stage, None, lost=lost)
        assert isinstance(outcome, Ambiguous if stage is Stage.DOT else Deferred)


def test_acceptance() -> None:
    accepted = Reply(250, ("2.0.0 queued as 1",))
    assert isinstance(outcome_of(Stage.DOT, accepted), Delivered)
    relayed = outcome_of(Stage.DOT, accepted, relayed=True)
    assert isinstance(relayed, Relayed)
    assert (relayed.code, relayed.enhanced, relayed.text) == (250, "2.0.0", "2.0.0 queued as 1")
    assert "hard" not in relayed.to_data()


@given(
    st.sampled_from(Stage),
    st.integers(300, 599),
    st.sampled_from([None, "4.7.1", "5.1.1", "5.2.1", "5.1.2", "5.0.0"]),
    st.text(max_size=80),
    st.booleans(),
)
def test_only_a_refused_recipient_is_ever_suppressed(
    stage: Stage, code: int, enhanced: str | None, text: str, relayed: bool
) -> None:
    verdict = classify(stage, code, enhanced, text, relayed=relayed)
    assert not (verdict.hard and verdict.transient)
    if verdict.class_ in SUPPRESSING and verdict.hard:
        assert stage in (Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT)
        assert code >= 500
    if code < 500:
        assert verdict.transient


@pytest.mark.parametrize(
    ("stage", "reply", "relayed", "scope"),
    [
        (S.AUTH, Reply(535), True, Scope.TRANSPORT),
        (S.BANNER, Reply(450), True, Scope.TRANSPORT),
        (S.BANNER, Reply(450), False, Scope.RECIPIENT),
        (S.BANNER, Reply(554), False, Scope.TRANSPORT),
        (S.CONNECT, None, True, Scope.TRANSPORT),
        (S.CONNECT, None, False, Scope.RECIPIENT),
        (S.RCPT, Reply(550), True, Scope.RECIPIENT),
        (S.RCPT, Reply(554, ("5.7.1 Relay access denied",)), True, Scope.TRANSPORT),
        (S.DOT, Reply(554), True, Scope.MESSAGE),
        (S.MAIL, Reply(550), False, Scope.MESSAGE),
    ],
)
def test_whose_failure_it_was(stage: Stage, reply: Reply | None, relayed: bool, scope: Scope) -> None:
    assert outcome_of(stage, reply, lost=Lost.REFUSED, relayed=relayed).scope is scope


def test_an_outcome_as_the_data_of_its_event() -> None:
    outcome = outcome_of(Stage.RCPT, Reply(550, ("5.1.1 no such user",))).with_changes(
        host="mx.x.test",
        ip="192.0.2.1",
        tls_version="TLSv1.3",
        tls_cipher="X",
        transcript=(Step(Stage.RCPT, "RCPT TO:<a@x.test>", "550 5.1.1 no such user", 550, 3),),
        timings=(("rcpt", 3),),
    )
    assert outcome.to_data() == {
        "stage": "rcpt",
        "code": 550,
        "enhanced": "5.1.1",
        "reply": "5.1.1 no such user",
        "class": "invalid_recipient",
        "hard": True,
        "scope": "recipient",
        "rule": "no-recipient",
        "suppress": True,
        "host": "mx.x.test",
        "ip": "192.0.2.1",
        "tls": {"version": "TLSv1.3", "cipher": "X"},
        "timings": {"rcpt": 3},
        "transcript": [
            {"stage": "rcpt", "sent": "RCPT TO:<a@x.test>", "reply": "550 5.1.1 no such user", "code": 550, "ms": 3}
        ],
    }


def test_a_transcript_is_cut_to_its_size_and_keeps_its_ends() -> None:
    steps = [Step(Stage.RCPT, str(number), "ü" * 5000, 250, 1) for number in range(60)]
    cut = cut_transcript(steps)
    assert sum(len((step.reply or "").encode()) for step in cut) < MAX_TRANSCRIPT
    assert (cut[0].sent, cut[-1].sent) == ("0", "59")
