"""The retry schedule: delays by class, limits, lifetimes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.retry import AMBIGUOUS, STANDARD, RetrySchedule, given_up, in_words, next_due
from services.sender.settings import Settings
from services.sender.smtp.outcomes import Ambiguous, BounceClass, Bounced, Deferred, Failed, Stage

KEYS: dict[str, Any] = dict.fromkeys(("pepper", "token_key", "encryption_key"), "A" * 43 + "=")
NOW = datetime(2026, 11, 20, tzinfo=UTC)
FAR = NOW + timedelta(days=30)
EVEN = RetrySchedule(jitter=0)


def delay(
    outcome: Deferred | Ambiguous, attempt: int, schedule: RetrySchedule = EVEN, ambiguous: int = 1, refused: int = 1
) -> float | None:
    due = next_due(
        schedule,
        outcome,
        attempt=attempt,
        now=NOW,
        first_due_at=NOW,
        expires_at=FAR,
        rng=Random(1),
        ambiguous=ambiguous,
        refused=refused,
    )
    return None if due is None else (due - NOW).total_seconds()


def deferred(class_: BounceClass = BounceClass.UNDETERMINED, code: int = 451, stage: Stage = Stage.RCPT) -> Deferred:
    return Deferred(stage=stage, code=code, class_=class_, text="later")


@pytest.mark.parametrize(
    ("class_", "minutes"),
    [
        (BounceClass.UNDETERMINED, [5, 10, 20, 40, 60, 120, 180, 240, 360, 360]),
        (BounceClass.GREYLISTED, [5, 5, 10, 20]),
        (BounceClass.MAILBOX_FULL, [30, 60, 120, 240, 480, 480]),
        (BounceClass.THROTTLED, [15, 30, 60, 60]),
    ],
)
def test_the_delays(class_: BounceClass, minutes: list[int]) -> None:
    assert [delay(deferred(class_), attempt) for attempt in range(1, len(minutes) + 1)] == [60 * m for m in minutes]


def test_an_ambiguous_outcome_is_retried_twice_and_not_at_once() -> None:
    found = [delay(Ambiguous(stage=Stage.DOT), 7, RetrySchedule(), ambiguous=number) for number in (1, 2, 3)]
    assert found[0] is not None
    assert found[0] >= 15 * 60
    assert found[1] is not None
    assert found[2] is None


def test_a_refusal_taken_as_transient_is_retried_three_times() -> None:
    for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT):
        refusal = deferred(BounceClass.BLOCK_REPUTATION, 554, stage)
        found = [delay(refusal, 9, refused=number) is None for number in (1, 2, 3, 4)]
        assert found == [False, False, False, True], "however often it was deferred before"
    for class_, code, stage in (
        (BounceClass.BLOCK_REPUTATION, 554, Stage.BANNER),
        (BounceClass.ROUTE_DOWN, 535, Stage.AUTH),
        (BounceClass.ROUTE_DOWN, 530, Stage.MAIL),
        (BounceClass.TLS, 530, Stage.MAIL),
        (BounceClass.THROTTLED, 421, Stage.DOT),
    ):
        assert delay(deferred(class_, code, stage), 9, refused=9) is not None


def test_a_schedule_in_words() -> None:
    assert in_words(EVEN, deferred(BounceClass.GREYLISTED)).startswith("greylisted: after 5, 5, 10, 20, 40, 60, ")
    assert in_words(EVEN, deferred(BounceClass.MAILBOX_FULL)).endswith("480 min, and so on for 48 h")
    assert in_words(EVEN, deferred(BounceClass.BLOCK_REPUTATION, 554)) == "standard: after 5, 10, 20 min"
    assert in_words(EVEN, Ambiguous(stage=Stage.DOT)) == "ambiguous: after 15, 60 min"


@given(
    st.sampled_from(BounceClass),
    st.integers(1, 50),
    st.integers(0, 10),
    st.integers(-100, 400_000),
    st.integers(0, 2**32),
    st.floats(0, 0.9),
)
def test_a_retry_comes_later_and_within_the_messages_life(
    class_: BounceClass, attempt: int, age: int, left: int, seed: int, jitter: float
) -> None:
    schedule = RetrySchedule(jitter=jitter)
    expires_at = NOW + timedelta(seconds=left)
    first_due_at = NOW - timedelta(hours=age)
    due = next_due(
        schedule,
        deferred(class_),
        attempt=attempt,
        now=NOW,
        first_due_at=first_due_at,
        expires_at=expires_at,
        rng=Random(seed),
    )
    if due is not None:
        assert NOW < due < expires_at
        assert due < first_due_at + schedule.lifetime(class_)
        even = schedule.delay(class_, attempt)
        assert even * (1 - jitter) - 1 <= (due - NOW).total_seconds() <= even * (1 + jitter) + 1


def test_settings_replace_the_lists() -> None:
    short = RetrySchedule(delays={STANDARD: [0.1], AMBIGUOUS: [0.2]}, jitter=0)
    assert delay(deferred(BounceClass.GREYLISTED), 5, short) == pytest.approx(0.1)
    assert delay(Ambiguous(), 1, short) == pytest.approx(0.2)
    assert delay(Ambiguous(), 2, short, ambiguous=2) is None


def test_the_settings_are_the_schedule() -> None:
    unchanged, usual = Settings(**KEYS).schedule, RetrySchedule()
    assert {kind: tuple(delays) for kind, delays in unchanged.delays.items()} == usual.delays
    assert replace(unchanged, delays=usual.delays) == usual
    changed = Settings(
        **KEYS,
        retry_delays=[3600],
        mailbox_full_delays=[3600],
        retry_jitter=0,
        retry_lifetime_seconds=5400,
        mailbox_full_lifetime_seconds=1800,
        refusal_retries=1,
    ).schedule
    assert delay(deferred(), 1, changed) == 3600
    assert delay(deferred(BounceClass.MAILBOX_FULL), 1, changed) is None
    refusal = deferred(BounceClass.BLOCK_REPUTATION, 554)
    assert [delay(refusal, 1, changed, refused=number) for number in (1, 2)] == [3600, None]
    assert changed.lifetime(BounceClass.THROTTLED) == timedelta(seconds=5400)


def test_what_is_given_up_ends_with_its_last_reply_and_suppresses_nothing() -> None:
    expired = given_up(deferred(BounceClass.INVALID_RECIPIENT, 450))
    assert isinstance(expired, Failed)
    assert (expired.class_, expired.code, expired.text) == (BounceClass.EXPIRED, 450, "later")
    refused = given_up(deferred(BounceClass.MAILBOX_FULL, 552))
    assert isinstance(refused, Bounced)
    assert not refused.suppresses
    assert isinstance(given_up(Ambiguous(stage=Stage.DOT)), Failed)
    assert isinstance(given_up(deferred(BounceClass.BLOCK_REPUTATION, 554, Stage.BANNER)), Failed)
