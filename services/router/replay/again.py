"""A past decision made again under some configuration, and many of them compared with what they were. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from services.router.mx import pending
from services.router.replay.outcome import Outcome, outcome_of
from services.router.replay.past import Past
from services.router.routes.configuration import Configuration
from services.router.rules import QUARANTINE, choose, decide

MOST_SAMPLES = 20
SAMPLES_OF_A_KIND = 3


@dataclass(frozen=True, slots=True)
class Decided:
    """What a past decision would have been. `assumed` is what had not been known then: the `health` of a transport,
    which counts as well, or the recipient's mail `hosts`, which count as still being looked up."""

    outcome: Outcome
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One decision that comes out otherwise."""

    past: Past
    now: Decided


@dataclass(slots=True)
class Comparison:
    """How many `decisions` were made again; of them those with another effect on their messages (`otherwise`) and
    those that only another rule would make (`by_another_rule`). `unknown` do not say what they were made from.
    `quarantined` come out as the quarantine's, for the reputation that their sending domain had then."""

    decisions: int = 0
    otherwise: int = 0
    by_another_rule: int = 0
    assumed: int = 0
    unknown: int = 0
    quarantined: int = 0
    changes: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    _sampled: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)

    def add(self, past: Past, now: Decided) -> None:
        self.decisions += 1
        self.quarantined += now.outcome.rule == QUARANTINE
        if past.outcome.identity == now.outcome.identity:
            return
        if past.outcome.effect == now.outcome.effect:
            self.by_another_rule += 1
        else:
            self.otherwise += 1
        self.assumed += bool(now.assumed)
        kind = _kind(past.outcome), _kind(now.outcome)
        self.changes[kind] += 1
        if self._sampled[kind] < SAMPLES_OF_A_KIND and len(self.samples) < MOST_SAMPLES:
            self._sampled[kind] += 1
            self.samples.append(Sample(past, now))


def decide_again(past: Past, known: Configuration) -> Decided:
    """The decision as the pipeline would have made it at that moment, had it had this configuration."""
    choice = choose(past.message, known, past.health, past.at)
    destination = past.destination if choice.domain else None
    looked_up = destination is not None or choice.domain is None
    if choice.domain is not None and destination is None:
        destination = pending(choice.domain)
    message = decide(past.message, choice, known, destination, past.health, past.at)
    outcome = outcome_of(message.route, message.verdict, str(message.lane))
    usable = {each.transport for each in outcome.candidates if each.score > 0}
    assumed = [] if usable <= past.considered else ["health"]
    return Decided(outcome, tuple(assumed if looked_up else [*assumed, "hosts"]))


def _kind(outcome: Outcome) -> Outcome:
    """The outcome without what differs from message to message."""
    return Outcome(outcome.action, outcome.lane, outcome.rule, outcome.transport, outcome.reason)
