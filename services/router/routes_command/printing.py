"""A plan and a replay for a terminal: signs say what the colours say, so that nothing is lost in a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.router.routes_command.plan import Act, Change, Plan, Step
from shared.terminal import table_of

SIGNS: dict[Act, tuple[str, str]] = {
    "create": ("+", "green"),
    "change": ("~", "yellow"),
    "remove": ("-", "red"),
    "move": (">", "cyan"),
    "leave": ("=", "dim"),
}
LEFT = "is not in the file and stays (--prune deletes it)"
DONE = {"create": "created", "change": "changed", "remove": "removed"}


def console() -> Console:
    return Console(soft_wrap=True, highlight=False, markup=False)


def plan_lines(plan: Plan) -> Iterator[Text]:
    """A line for each thing that changes, and below it one for each of its fields."""
    for step in plan.transports:
        yield from _step(step)
    for change in plan.settings:
        sign, style = SIGNS["change"]
        yield Text(f"{sign} {_field(change, made=False)}", style)
    for step in (*plan.steps, *plan.removals):
        yield from _step(step)
    yield Text(summary(plan))


def summary(plan: Plan) -> str:
    """How much changes, in a line."""
    if not plan.changes:
        return "Nothing changes."
    counts: Counter[Act] = Counter(
        step.act for step in (*plan.transports, *plan.steps, *plan.removals) if step.act != "leave"
    )
    counts["change"] += len(plan.settings)
    words: dict[Act, str] = {"create": "to create", "change": "to change", "move": "to move", "remove": "to remove"}
    parts = ", ".join(f"{counts[act]} {said}" for act, said in words.items() if counts[act])
    return f"{parts or 'The same rules in another form'}; the rules are at version {plan.version}."


def replay_tables(found: Mapping[str, Any], labels: Mapping[str, str]) -> list[Table]:
    """What would change by kind, the most frequent first, and some of the messages."""
    rows = [
        [each["count"], *(_outcome(each[when], labels) for when in ("before", "after"))] for each in found["changes"]
    ]
    samples = [
        [
            each["message_id"], each["pass"], _outcome(each["before"], labels), each["before"]["why"],
            _outcome(each["after"], labels), each["after"]["why"], ", ".join(each["assumed"]),
        ]
        for each in found["samples"]
    ]  # fmt: skip
    columns = ("message", "pass", "was", "as", "would be", "as", "assumed")
    if not rows:
        return []
    return [table_of(("count", "was", "would be"), rows), *([table_of(columns, samples)] if samples else [])]


def replay_summary(found: Mapping[str, Any]) -> str:
    text = (
        f"{found['decisions']} decisions from {found['since']} to {found['until']}: {found['otherwise']} would be"
        f" others, {found['by_another_rule']} the same by another rule."
    )
    if found["assumed"]:
        text += f" {found['assumed']} of these rest on what was not known then."
    if found["quarantined"]:
        text += f" {found['quarantined']} are the quarantine's, for the reputation that their sending domain had then."
    if found["unknown"]:
        text += f" {found['unknown']} do not say what they were made from."
    if found["truncated"]:
        text += f" There are more: the reading ended at its bound ({found['truncated']})."
    return text


def _step(step: Step) -> Iterator[Text]:
    sign, style = SIGNS[step.act]
    line = f"{sign} {step.what} {step.label}"
    if step.act == "leave":
        line += f" {LEFT}"
    elif step.act == "move":
        line += f" from {step.changes[0].before} to {step.changes[0].after}"
    yield Text(line, style)
    if step.act in ("create", "change"):
        for change in step.changes:
            yield Text(f"    {_field(change, made=step.act == 'create')}", style)


def _field(change: Change, *, made: bool) -> str:
    if made:
        return f"{change.field}: {change.after}"
    before, after = (value if value is not None else "(none)" for value in (change.before, change.after))
    return f"{change.field}: {before} -> {after}"


def _outcome(outcome: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """`relay by workspace:receipts`, `hold (they move) by …`; the lane behind it."""
    what = outcome["action"]
    if outcome["transport"] is not None:
        what = labels.get(outcome["transport"], outcome["transport"])
    elif outcome["reason"]:
        what += f" ({outcome['reason']})"
    by = f" by {outcome['rule']}" if outcome["rule"] else ""
    return f"{what}{by}, {outcome['lane']}"
