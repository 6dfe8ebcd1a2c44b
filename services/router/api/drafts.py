"""Draft rule sets: checked as a set that is to be stored is, and stored nowhere."""

from __future__ import annotations

from services.router.api.rule_sets import RuleSetApi
from services.router.api.transports import Owner
from services.router.routes.matching import PLATFORM, WORKSPACE, Rules, compile_set
from services.router.routes.model import RuleSet, with_ids
from shared.errors import Fault, ProblemError, invalid_request


async def compiled_drafts(rules: RuleSetApi, owner: Owner, draft: RuleSet | None) -> dict[str, Rules]:
    """The draft ready to be asked, by whose set it stands in for: a workspace's id, or `platform`. Empty without one.

    Raises a 422 problem whose faults stand below `#/draft`.
    """
    if draft is None:
        return {}
    named = draft.model_copy(update={"rules": [with_ids(rule) for rule in draft.rules]})
    try:
        await rules.check(owner, named)
    except ProblemError as problem:
        raise invalid_request([_below(fault) for fault in problem.errors]) from problem
    return {owner or PLATFORM: compile_set(PLATFORM if owner is None else WORKSPACE, 0, named)}


def _below(fault: Fault) -> Fault:
    return Fault(f"#/draft{fault.pointer.removeprefix('#')}", fault.code, fault.detail)
