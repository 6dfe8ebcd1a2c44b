"""A message's timeline as lines of text, in the words of the console's page. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.ingest.console.explanation import explained
from services.ingest.console.steps import Step, steps_of
from services.ingest.projection.narration.wording import moment
from shared.console.words import span, spoken

Entry = Mapping[str, Any]
AT, TOOK = 14, 12
INDENT = " " * (AT + TOOK)
NARROWEST = 60
BAD = frozenset({"warn", "bad"})


def lines_of(
    view: Entry, timeline: list[dict[str, Any]], width: int, trace_url: str | None, *, talk: bool
) -> Iterator[str]:
    """What is known of the message, what to do, each step, and its distributed trace.

    `view` and `timeline` are as the API gives them. What was said in an attempt is shown where it failed, or with
    `talk` in each.
    """
    yield f"{view['uuid']}  {spoken(view['status'])}"
    yield f"to {view['recipient']} from {view['from']}, {view['stream']}, accepted {moment(view['accepted_at'])}"
    told = explained(view, timeline)
    yield ""
    for text in (f"{told.title}. {told.why}".strip(), told.advice):
        yield from textwrap.wrap(text, max(width, NARROWEST))
    yield ""
    yield f"{'at':>{AT - 2}}  {'took':>{TOOK - 2}}  step"
    for entry, step in zip(timeline, steps_of(timeline), strict=True):
        yield from _step(entry, step, max(width, NARROWEST), talk)
    yield ""
    yield f"trace {view['trace_id'] or 'unknown'}" + (f"  {trace_url}" if trace_url else "")


def _step(entry: Entry, step: Step, width: int, talk: bool) -> Iterator[str]:
    at = "+" + span(step.ms) if step.ms >= 0 else span(step.ms)
    yield f"{at:>{AT - 2}}  {span(step.took):>{TOOK - 2}}  {step.title}"
    for text in (step.summary, *_facts(entry)):
        yield from textwrap.wrap(text, width, initial_indent=INDENT, subsequent_indent=INDENT)
    if step.transcript and (talk or step.tone in BAD):
        yield from _said(step.transcript)


def _facts(entry: Entry) -> Iterator[str]:
    """What stands beside a summary: the connection, how long each part of it took, and where it is traced."""
    if entry["step"] == "attempt":
        yield from _connection(entry)
    if entry.get("timings"):
        timings = entry["timings"]
        yield "took " + ", ".join(f"{stage} {span(ms)}" for stage, ms in dict(timings).items())
    if excerpt := entry.get("excerpt"):
        yield f"answered {excerpt}"
    if trace_id := entry.get("trace_id"):
        yield f"in trace {trace_id}"


def _connection(entry: Entry) -> Iterator[str]:
    parts = [f"from {entry['source']}"] if entry.get("source") else []
    tls = entry.get("tls")
    if isinstance(tls, Mapping) and tls:
        parts.append(", ".join(str(value) for value in tls.values() if value not in (None, "")))
    else:
        parts.append("not encrypted")
    yield "; ".join(parts)


def _said(transcript: Sequence[Entry]) -> Iterator[str]:
    for step in transcript:
        if step.get("sent"):
            yield f"{INDENT}{step['stage']:>9} > {step['sent']}"
        answer = f"{step['code']} " if step.get("code") and not str(step.get("reply", "")).startswith(
            str(step["code"])
        ) else ""  # fmt: skip
        yield f"{INDENT}{step['stage']:>9} < {answer}{step.get('reply', '')} ({span(step['ms'])})"
