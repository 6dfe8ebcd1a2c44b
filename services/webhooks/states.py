"""The states of deliveries and attempts, in the words that callers know."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from services.webhooks.outcomes import JobState


class DeliveryState(StrEnum):
    """`pending` is to be posted for the first time, `retrying` again; `processing` is being posted, or next to be."""

    PENDING = "pending"
    PROCESSING = "processing"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


AttemptState = Literal["retrying", "succeeded", "failed", "canceled"]
"""What an attempt made of its delivery."""

ENDS: Mapping[DeliveryState, JobState] = {
    DeliveryState.SUCCEEDED: JobState.SUCCEEDED,
    DeliveryState.FAILED: JobState.EXHAUSTED,
    DeliveryState.CANCELED: JobState.CANCELED,
}
_SHOWN = {job_state: state for state, job_state in ENDS.items()}


def delivery_state(state: JobState, attempts: int, *, held: bool) -> DeliveryState:
    """The state of a job after so many attempts; `held` says that a process has it."""
    if state is not JobState.WAITING:
        return _SHOWN[state]
    if held:
        return DeliveryState.PROCESSING
    return DeliveryState.RETRYING if attempts else DeliveryState.PENDING


def attempt_state(state: JobState) -> DeliveryState:
    """What an attempt shows that made this of its job."""
    return _SHOWN.get(state, DeliveryState.RETRYING)
