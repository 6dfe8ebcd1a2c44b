"""What an answer makes of its job."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.outcomes import Decision, JobState, Reply, RetrySchedule, retry_after_seconds
from services.webhooks.settings import Settings

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DELAYS = Settings.model_fields["webhook_schedule"].default
SCHEDULE = RetrySchedule(DELAYS, 86_400, 5)


def decide(status: int | None, attempt: int = 1, retry_after: str | None = None) -> Decision:
    error = None if status else "timeout"
    return SCHEDULE.decide(Reply(status, 0.1, error, retry_after), attempt, NOW, Random(1))


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    assert decide(status) == Decision(JobState.SUCCEEDED)


def test_410_ends_the_endpoint_not_only_the_job() -> None:
    assert decide(410) == Decision(JobState.CANCELED, disable=True)


@given(st.sampled_from([None, 301, 307, 400, 404, 408, 429, 500, 503]), st.integers(1, 9))
def test_every_failure_waits_for_the_schedule_with_a_fifth_of_jitter(status: int | None, attempt: int) -> None:
    decision = decide(status, attempt)
    assert decision.state is JobState.WAITING
    assert decision.next_at is not None
    delay = (decision.next_at - NOW).total_seconds()
    assert 0.8 * DELAYS[attempt] <= delay <= 1.2 * DELAYS[attempt]


def test_the_schedule_is_that_of_standard_webhooks_and_ends() -> None:
    assert DELAYS == [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert decide(500, attempt=10) == Decision(JobState.EXHAUSTED)


@pytest.mark.parametrize(("asked", "least"), [("600", 600), ("999999999", 86_400), ("0", 4)])
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retry_after_delays_up_to_its_cap_and_never_hastens(status: int, asked: str, least: float) -> None:
    next_at = decide(status, retry_after=asked).next_at
    assert next_at is not None
    assert least <= (next_at - NOW).total_seconds() <= max(least, 6)


@pytest.mark.parametrize(
    ("status", "retry_after", "hold"),
    [
        (429, "600", 600),
        (502, "600", 600),
        (503, "600", 600),
        (504, "999999999", 86_400),
        (429, None, 5),
        (429, "0", 0),
        (503, None, 0),
        (500, "600", 0),
        (200, "600", 0),
        (None, None, 0),
    ],
)
def test_who_asks_to_be_left_alone_is_for_so_long(status: int | None, retry_after: str | None, hold: float) -> None:
    assert decide(status, 3, retry_after).hold == hold
    assert decide(status, len(DELAYS), retry_after).hold == hold


def test_retry_after_counts_only_where_it_means_throttling() -> None:
    next_at = decide(500, retry_after="600").next_at
    assert next_at is not None
    assert next_at - NOW < timedelta(seconds=7)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("１２", 0),
        (" 12 ", 12),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_can_break_us(value: str) -> None:
    assert retry_after_seconds(value, NOW) >= 0


@pytest.mark.parametrize(("status", "fault"), [(200, None), (302, "http_3xx"), (404, "http_4xx"), (502, "http_5xx")])
def test_the_class_of_a_failure(status: int, fault: str | None) -> None:
    assert Reply(status, 0.1).fault == fault


def test_a_lease_shorter_than_two_posts_is_refused() -> None:
    with pytest.raises(ValueError, match="webhook_lease_seconds"):
        Settings(pepper=KEY, token_key=KEY, encryption_key=KEY, webhook_lease_seconds=20)


KEY = "A" * 43 + "="
