"""How far an erasure is, in a sentence, and what each service did. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.suppression.erasing.certificate import SERVICES, State
from shared.console.words import spoken

TONES = {State.RUNNING: "calm", State.REDACTED: "good", State.FINAL: "good"}
SENTENCES = {
    State.REDACTED: "All five services have confirmed: no database names the person any more. Kafka's topics may, as "
    "long as they keep what they hold; then the erasure is final.",
    State.FINAL: "No database names the person any more, and no topic of Kafka does.",
}


def tone_of(state: str) -> str:
    return TONES[State(state)]


def sentence_of(certificate: Mapping[str, Any]) -> str:
    """What is over, and what is waited for."""
    state = State(certificate["state"])
    if state is not State.RUNNING:
        return SENTENCES[state]
    waiting = certificate["waiting_for"]
    done = len(SERVICES) - len(waiting)
    return f"{done} of {len(SERVICES)} services have confirmed; waiting for {_joined(waiting)}. Nothing has to be done."


def counts_said(counts: Mapping[str, int]) -> str:
    """What a service has redacted or deleted: what there was none of is left out."""
    told = (f"{spoken(name).replace('hmac', 'hash alone')}: {number}" for name, number in counts.items() if number)
    return ", ".join(told) or "held nothing"


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
