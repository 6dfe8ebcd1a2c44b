"""What is said in a conversation, as it is kept: never a body, never a credential."""

from __future__ import annotations

import time
from typing import Any

from services.sender.smtp.outcomes import Stage, Step, cut_transcript
from services.sender.smtp.replies import Reply

AUTH_MASK = "AUTH ****"


class Transcript:
    """The steps of one attempt in order. `since` is when the step now under way began (monotonic seconds)."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.since = time.monotonic()

    def start(self) -> None:
        self.since = time.monotonic()

    def add(self, stage: Stage, sent: str | None = None, reply: Reply | None = None, note: str | None = None) -> None:
        """Ends the step under way with the reply, or with a note where there was none, and starts the next."""
        now = time.monotonic()
        said = note if reply is None else f"{reply.code} " + "\n".join(reply.lines)
        code = reply.code if reply is not None else None
        self.steps.append(Step(stage, sent, said, code, round((now - self.since) * 1000)))
        self.since = now

    def take(self) -> list[Step]:
        """All steps so far; the transcript is empty afterwards, for the next message on the same connection."""
        taken, self.steps = self.steps, []
        return taken


def record_of(steps: list[Step]) -> dict[str, Any]:
    """The fields of an outcome that steps fill: `transcript`, cut to size, and `timings`, milliseconds by stage."""
    timings: dict[str, int] = {}
    for step in steps:
        timings[str(step.stage)] = timings.get(str(step.stage), 0) + step.ms
    return {"transcript": cut_transcript(steps), "timings": tuple(timings.items())}
