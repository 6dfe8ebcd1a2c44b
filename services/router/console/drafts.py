"""A draft of a workspace's rules as text: what is wrong with it by its lines, and what it would change. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.router.routes.model import RuleSet
from services.router.routes_command.plan import Change, Plan, Step
from services.router.routes_command.planning import plan_of
from services.router.routes_command.present import Present
from services.router.routes_command.rule_plan import file_path
from services.router.routes_command.showing import dumped, rules_of
from services.router.routes_command.yaml_file import Document, FileError, LineFault, parse_document
from shared.errors import ProblemError

NAME = "draft"
MOST_CHARACTERS = 96 * 1024
"""Twice what a set may have as JSON: YAML of more takes a processor too long to read."""
ACTS = {
    "create": ("good", "new"),
    "change": ("warn", "changed"),
    "remove": ("bad", "removed"),
    "move": ("calm", "moved"),
}
"""What a step does, as the tone and the words of a badge."""
ELSEWHERE = "transports are made and changed on their own pages: leave this out, or make it the same first"


@dataclass(frozen=True, slots=True)
class Marked:
    """A fault, with the line (from 1) that it is about and what stands there; None where it is of the whole."""

    line: int | None
    source: str
    words: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A text and what it comes to: a plan, or faults."""

    text: str
    document: Document | None = None
    plan: Plan | None = None
    faults: Sequence[Marked] = ()
    steps: Sequence[Step] = field(default_factory=list)
    settings: Sequence[Change] = field(default_factory=list)

    @property
    def rules(self) -> RuleSet | None:
        """The set that it stands for."""
        return None if self.plan is None else RuleSet.model_validate(self.plan.draft)


def text_of(present: Present) -> str:
    """The rules that are active, as a draft that changes nothing."""
    return dumped(rules_of(present))


def draft_of(text: str, present: Present) -> Draft:
    """Reads a draft, YAML or JSON as `posthorn routes` has it; transports may stand in it as long as they are so."""
    text = text.replace("\r\n", "\n")
    if len(text) > MOST_CHARACTERS:
        return Draft(text, faults=[Marked(None, "", f"A draft has at most {MOST_CHARACTERS} characters.")])
    try:
        document = parse_document(text, NAME)
        plan = plan_of(document, present)
        if plan.transports:
            raise FileError([document.fault(("transports", step.label), ELSEWHERE) for step in plan.transports])
    except FileError as error:
        return Draft(text, faults=marked(error.faults, text))
    return Draft(text, document, plan, steps=plan.steps, settings=plan.settings)


def refused(draft: Draft, problem: ProblemError) -> Draft:
    """The draft with what its store found wrong with it."""
    assert draft.document is not None
    found = [draft.document.fault(file_path(fault.pointer), fault.detail) for fault in problem.errors]
    return Draft(draft.text, faults=marked(found, draft.text) or [Marked(None, "", problem.detail)])


def marked(faults: Sequence[LineFault], text: str) -> list[Marked]:
    """Faults beside the lines that they are about, from the top."""
    lines = text.split("\n")
    found = [
        Marked(each.line, lines[each.line - 1].strip() if each.line and each.line <= len(lines) else "", each.words)
        for each in faults
    ]
    return sorted(found, key=lambda each: each.line or 0)
