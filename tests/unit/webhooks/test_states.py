"""The words for what has become of a delivery, and how long it is kept."""

import pytest
from pydantic import ValidationError

from services.webhooks.outcomes import JobState
from services.webhooks.settings import Settings
from services.webhooks.states import ENDS, DeliveryState, attempt_state, delivery_state
from shared.contracts.topics import DAY_MS, EVENTS, Topic

KEYS = dict.fromkeys(("pepper", "token_key", "encryption_key"), "A" * 43 + "=")


@pytest.mark.parametrize(
    ("attempts", "held", "shown"),
    [(0, False, "pending"), (0, True, "processing"), (3, True, "processing"), (3, False, "retrying")],
)
def test_what_waits_is_pending_processing_or_retrying(attempts: int, held: bool, shown: str) -> None:
    assert delivery_state(JobState.WAITING, attempts, held=held) == shown


def test_every_end_has_a_word_whoever_still_holds_it() -> None:
    words = {JobState.SUCCEEDED: "succeeded", JobState.EXHAUSTED: "failed", JobState.CANCELED: "canceled"}
    for held in (True, False):
        assert {state: delivery_state(state, 2, held=held) for state in words} == words
    assert {ENDS[DeliveryState(word)]: word for word in words.values()} == words
    assert {state: attempt_state(state) for state in JobState} == {**words, JobState.WAITING: "retrying"}


def test_what_has_ended_is_kept_for_longer_than_its_event_can_be_read_again() -> None:
    days = (Topic(EVENTS).retention_ms or 0) / DAY_MS
    assert Settings(**KEYS, webhook_kept_days=days + 1).webhook_kept_days == 8
    with pytest.raises(ValidationError, match=r"mail\.events"):
        Settings(**KEYS, webhook_kept_days=days + 0.9)
