"""What a load sees while MongoDB is away: 503 with Retry-After, in time, and no 202."""

from __future__ import annotations

from dataclasses import dataclass

from services.ingest.settings import Settings
from tests.faults.forms import Form
from tests.faults.load import Load
from tests.fixtures.deployment import eventually

# a request waits so long for its caller to be known, so long to be stored, and for a busy machine
LONGEST = 2 * Settings.model_fields["answer_seconds"].default + 5


def refusals_of(form: Form) -> int:
    """How many refusals an outage lasts: of each of a load's workers twice, or for half a minute and more."""
    return 160 if form.full else 32


@dataclass(frozen=True)
class Refused:
    """How many requests were refused while MongoDB was away, and the longest that one of them took, in seconds."""

    count: int
    longest: float


async def refused(load: Load, count: int, seconds: float) -> Refused:
    """Watches a running load in an outage that has just begun until `count` requests are refused, within `seconds`.

    Asserts that each was refused in time with 503 and Retry-After, and that nothing was accepted since the first of
    them: before it, what had been stored in the last moment may still be answered.
    """
    before = len(load.refusals)

    async def first() -> bool:
        return len(load.refusals) > before

    async def enough() -> bool:
        return len(load.refusals) >= before + count

    await eventually(first, seconds=seconds, what="a refusal")
    answered = len(load.answered)
    await eventually(enough, seconds=seconds, what=f"{count} refusals")
    assert len(load.answered) == answered, f"{len(load.answered) - answered} messages were answered with 202"
    during = load.refusals[before:]
    assert {one.status for one in during} == {503}, during
    assert all(int(one.retry_after or 0) > 0 for one in during), during
    longest = max(one.seconds for one in during)
    assert longest < LONGEST, f"a request waited {longest:.1f} s for its 503"
    return Refused(len(during), longest)
