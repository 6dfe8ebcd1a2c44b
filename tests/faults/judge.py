"""The one judge of what a fault may do to messages: none lost, none twice without an `ambiguous` event, none silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.ingest.projection.fold import ENDED
from shared.contracts.events import EventType, sequence_of
from tests.faults.evidence import Evidence

SHOWN = 12
ENDS_OF_KIND = {"permfail": "bounced", "drop-after-dot": "failed"}
INTERNAL = {"queued", "sending", "stuck"}
# The rules whose violation is a lost message, and a copy that nothing announced.
LOST = {"lost", "silent", "never arrived"}
DUPLICATED = {"accepted twice", "twice without an ambiguous event"}


@dataclass(frozen=True)
class Violation:
    """`rule` is the promise that was broken."""

    rule: str
    message_id: str
    text: str


@dataclass
class Judgement:
    """What was broken, and counts of what was seen. `quiet_after` is how many seconds the end was waited for."""

    messages: int = 0
    quiet_after: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        lines = [", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))]
        for rule, count in Counter(each.rule for each in self.violations).items():
            shown = [each for each in self.violations if each.rule == rule][:SHOWN]
            lines.append(f"{rule}: {count} message(s)")
            lines += [f"  {each.message_id} {each.text}" for each in shown]
        return "\n".join(lines)


def judge(evidence: Evidence) -> Judgement:
    """Holds the evidence, taken when nothing moves any more, against the promises."""
    judgement = Judgement(len(evidence.answered))
    for check in (_acceptances, _ends, _copies, _cuts, _webhooks, _traces, _read_model):
        judgement.violations += check(evidence)
    judgement.counts.update(f"{evidence.statuses.get(id_, 'unknown')} messages" for id_ in evidence.answered)
    judgement.counts["ambiguous events"] = sum(ambiguities(evidence, id_) for id_ in evidence.answered)
    judgement.counts["second copies"] = sum(count - 1 for count in evidence.copies.values() if count > 1)
    judgement.counts["second webhook posts"] = sum(count - 1 for count in evidence.webhooks.values())
    return judgement


def ambiguities(evidence: Evidence, message_id: str) -> int:
    """How many of its attempts lost their reply after the final dot."""
    return sum(step.get("event") == EventType.AMBIGUOUS for step in evidence.traces[message_id])


def _acceptances(evidence: Evidence) -> Iterator[Violation]:
    for message_id in evidence.answered.keys() - evidence.statuses.keys():
        yield Violation("lost", message_id, "was answered with 202 and is not listed")
    for message_id in evidence.statuses.keys() - evidence.answered.keys():
        yield Violation("accepted twice", message_id, "is listed and no answer named it")


def _ends(evidence: Evidence) -> Iterator[Violation]:
    for message_id, accepted in evidence.answered.items():
        status = evidence.statuses.get(message_id)
        if status not in ENDED:
            yield Violation("silent", message_id, f"{accepted.recipient} is {status}: {_steps(evidence, message_id)}")
            continue
        wanted = ENDS_OF_KIND.get(accepted.kind, "delivered")
        # a message whose reply was lost once more than the policy tries again has failed
        if status != wanted and not (status == "failed" and ambiguities(evidence, message_id) > 1):
            text = f"{accepted.recipient} ended {status}: {_steps(evidence, message_id)}"
            yield Violation("ended otherwise", message_id, text)


def _copies(evidence: Evidence) -> Iterator[Violation]:
    for message_id, accepted in evidence.answered.items():
        copies = evidence.copies[accepted.recipient]
        delivered = evidence.statuses.get(message_id) in ("delivered", "sent")
        text = f"{accepted.recipient} is {copies} times at the sink: {_steps(evidence, message_id)}"
        if delivered and not copies:
            yield Violation("never arrived", message_id, text)
        if copies > delivered + ambiguities(evidence, message_id):
            yield Violation("twice without an ambiguous event", message_id, text)


def _cuts(evidence: Evidence) -> Iterator[Violation]:
    """What is ambiguous allows a copy more: no conversation may be so but those that were cut after their mark."""
    if evidence.cut is None:
        return
    said = {
        (message_id, step["pass"])
        for message_id, steps in evidence.traces.items()
        for step in steps
        if step.get("event") == EventType.AMBIGUOUS
    }
    for message_id, pass_ in said - set(evidence.cut):
        yield Violation("ambiguous and not cut", message_id, f"in pass {pass_}: {_steps(evidence, message_id)}")
    for message_id, pass_ in set(evidence.cut) - said:
        yield Violation("cut and not ambiguous", message_id, f"in pass {pass_}: {_steps(evidence, message_id)}")


def _webhooks(evidence: Evidence) -> Iterator[Violation]:
    expected: dict[tuple[str, int], str] = {}
    for message_id, steps in evidence.traces.items():
        expected[message_id, sequence_of(EventType.ACCEPTED, 0)] = EventType.ACCEPTED
        for step in steps:
            if (name := step.get("event")) and name not in INTERNAL:
                expected[message_id, sequence_of(EventType(name), step["pass"])] = name
    for message_id, sequence in expected.keys() - evidence.webhooks.keys():
        text = f"{expected[message_id, sequence]} ({sequence}): {_steps(evidence, message_id)}"
        yield Violation("no webhook", message_id, text)
    for message_id, sequence in evidence.webhooks.keys() - expected.keys():
        yield Violation("foreign webhook", message_id, f"event {sequence} is not in its trace")


def _traces(evidence: Evidence) -> Iterator[Violation]:
    for message_id, steps in evidence.traces.items():
        names = {step["step"] for step in steps}
        # an attempt whose reply was lost is an `ambiguous` step
        named = names | ({"attempt"} if "ambiguous" in names else set())
        missing = {"accepted", "routed", "checked", "attempt", "webhook"} - named
        if missing:
            yield Violation("trace without", message_id, f"{sorted(missing)}: {_steps(evidence, message_id)}")
        events = {step["event_id"] for step in steps if step.get("event") and step["event"] not in INTERNAL}
        answered = {step["event_id"] for step in steps if step["step"] == "webhook" and step.get("ok")}
        if events - answered:
            yield Violation("trace without a webhook's 2xx", message_id, _steps(evidence, message_id))


def _read_model(evidence: Evidence) -> Iterator[Violation]:
    for message_id, text in evidence.differing.items():
        yield Violation("read model is not what the topics say", message_id, text)


def _steps(evidence: Evidence, message_id: str) -> str:
    steps = evidence.traces.get(message_id, [])
    return " → ".join(f"{step['step']}{':' + step['event'] if 'event' in step else ''}@{step['ms']}" for step in steps)
