"""What a bounce that came by mail says: the verdict table, asked about a reply that somebody else was given. Pure."""

from __future__ import annotations

import re

from services.sender.bounces.model import Rulebook
from services.sender.returns.delivery_status import StatusReport
from services.sender.returns.legacy import UnformattedBounce
from services.sender.smtp.outcomes import MAX_REPLY, BounceClass, Bounced, Stage
from services.sender.smtp.replies import MAX_TEXT
from services.sender.smtp.verdicts import Verdict, classify

GIVEN_UP = "given-up"
WAITED = frozenset(
    {
        BounceClass.THROTTLED,
        BounceClass.GREYLISTED,
        BounceClass.ROUTING_DNS,
        BounceClass.CONNECTION,
        BounceClass.UNDETERMINED,
    }
)
"""What a host gives up after its time is over: of the recipient it says nothing."""

_REPLY = re.compile(
    r"(?P<code>[45]\d\d)(?:[ -]|$)(?:#?(?P<enhanced>[45]\.\d{1,3}\.\d{1,3})[ :]?)?(?P<text>.*)", re.DOTALL
)
_CONTINUED = re.compile(r"\s[45]\d\d(?:-(?:[45]\.\d{1,3}\.\d{1,3} )?| [45]\.\d{1,3}\.\d{1,3} )")


def bounced(report: StatusReport | UnformattedBounce, rules: Rulebook | None = None, rollup: str = "") -> Bounced:
    """The bounce that a host reports; `hard` where trying again is pointless. `rules` and `rollup` as for `classify`.

    The diagnostic's own codes say more than the status beside them, which many hosts give as 5.0.0.
    """
    code, enhanced, text = _reply_of(report)
    verdict = _classified(code, enhanced, text, rules, rollup)
    class_, rule = verdict.class_, verdict.rule
    if enhanced.endswith(".4.7") or (code < 500 and class_ in WAITED):
        class_, rule = BounceClass.EXPIRED, GIVEN_UP
    hard = verdict.hard and class_ is not BounceClass.EXPIRED
    return Bounced(code=code, enhanced=enhanced or None, text=text[:MAX_REPLY], class_=class_, hard=hard, rule=rule)


def _reply_of(report: StatusReport | UnformattedBounce) -> tuple[int, str, str]:
    if isinstance(report, UnformattedBounce):
        return report.code or _code_of(report.enhanced), report.enhanced, report.text
    diagnostic = " ".join(report.diagnostic[: 4 * MAX_TEXT].split())
    found = _REPLY.match(diagnostic)
    if found is None:
        return _code_of(report.status), report.status, diagnostic
    text = _CONTINUED.sub(" ", found["text"]).strip()
    enhanced = found["enhanced"] or ""
    # a status that says something is worth more than a diagnostic without one
    return int(found["code"]), enhanced or report.status, text


def _code_of(enhanced: str) -> int:
    """The basic code that stands for an enhanced one, where nothing else is known."""
    return 450 if enhanced.startswith("4.") else 550


def _classified(code: int, enhanced: str, text: str, rules: Rulebook | None, rollup: str) -> Verdict:
    """Where in its conversation the host was told no is not known: RCPT as a rule, else the end of the message."""
    verdict = classify(Stage.RCPT, code, enhanced or None, text, rollup=rollup, rules=rules)
    if verdict.class_ is BounceClass.UNDETERMINED:
        verdict = classify(Stage.DOT, code, enhanced or None, text, rollup=rollup, rules=rules)
    return verdict
