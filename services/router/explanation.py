"""A decision in words, from the message that carries it alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.router.mx import Finding
from services.router.routes.matching import DEFAULT, PLATFORM
from shared.contracts.messages import Candidate, Message, Verdict, VerdictKind

KINDS = {"direct": "to the recipient's own mail hosts", "smarthost": "a smart host"}
DNS = {
    Finding.MX: "has MX records",
    Finding.IMPLICIT: "has no MX records and is its own mail host",
    Finding.STATIC: "stands in this deployment's own map of mail hosts",
    Finding.NULL_MX: "does not accept mail (null MX)",
    Finding.NO_SUCH_DOMAIN: "does not exist",
    Finding.NO_MAIL_HOST: "has MX records that name no host",
    Finding.MAIL_LOOP: "leads back to this system",
    Finding.FAILED: "could not be looked up",
    Finding.PENDING: "is still being looked up",
}


def explained(message: Message) -> dict[str, Any]:
    """What a routed message's decision was: `outcome` is `route` or its verdict's kind."""
    route, verdict = message.route, message.verdict
    by = route or verdict
    assert by is not None
    return {
        "outcome": "route" if route else str(verdict.kind) if verdict else None,
        "lane": str(message.lane),
        "rule": by.rule,
        "rule_version": by.rule_version,
        "why": route.why if route else None,
        "route": _plain(route, "transport", "transport_version", "kind", "hosts", "tls", "rollup", "stand_in"),
        "verdict": _plain(verdict, "kind", "reason", "detail", "until"),
        "candidates": [each.model_dump(mode="json", exclude={"v"}) for each in candidates_of(message)],
        "inputs": _unversioned(by.inputs or {}),
        "summary": list(sentences(message)),
    }


def candidates_of(message: Message) -> list[Candidate]:
    """Every transport that was considered, also where none could be used."""
    if message.route is not None:
        return message.route.candidates
    evidence = message.verdict.evidence if message.verdict else {}
    return [Candidate.model_validate(each) for each in evidence.get("candidates", ())]


def sentences(message: Message) -> Iterator[str]:
    """The decision as one would tell it: by which rule, in which lane, what the DNS said, which way, why no other."""
    by = message.route or message.verdict
    assert by is not None
    inputs: Mapping[str, Any] = by.inputs or {}
    if by.rule is not None:
        yield f"{_whose(by.rule)} (version {by.rule_version}) decides."
    if "lane_rule" in inputs:
        yield f"The rule {inputs['lane_rule']} puts it into the {message.lane} lane."
    if "reputation" in inputs:
        yield f"The reputation of {inputs['sender_domain']} is {inputs['reputation']}."
    if "dns" in inputs:
        yield f"{inputs['recipient_domain']} {DNS[Finding(inputs['dns'])]}; its rollup is {inputs['rollup']}."
    if message.verdict is not None:
        yield _stopped(message.verdict)
    for each in candidates_of(message):
        if each.lost is None and message.route is not None:
            kind = KINDS[message.route.kind]
            yield f"It goes by {each.name} ({each.transport}, {kind}): {message.route.why}."
        else:
            yield f"{each.name} ({each.transport}) is not taken: {each.lost}."


def _whose(rule: str) -> str:
    if rule == DEFAULT:
        return "No rule takes it: the workspace's failover order"
    if rule == f"{PLATFORM}:{DEFAULT}":
        return "No rule takes it: the platform's failover order"
    owner, _, id_ = rule.partition(":")
    return f"The {owner}'s rule {id_}"


def _stopped(verdict: Verdict) -> str:
    detail = f" ({verdict.detail})" if verdict.detail else ""
    match verdict.kind:
        case VerdictKind.WAIT_UNTIL if verdict.reason == "held":
            return f"It is held{detail}, and looked at again at {_time(verdict)}."
        case VerdictKind.WAIT_UNTIL:
            return f"It waits until {_time(verdict)}: {verdict.reason}{detail}."
        case VerdictKind.REJECT:
            return f"It is refused: {verdict.reason}{detail}."
        case VerdictKind.NO_ROUTE:
            return "None of the transports can be used: it fails."
        case _:
            return f"It ends here: {verdict.reason or verdict.kind}{detail}."


def _time(verdict: Verdict) -> str:
    return verdict.until.isoformat(timespec="seconds") if verdict.until else "a later time"


def _plain(record: Any, *names: str) -> dict[str, Any] | None:
    return None if record is None else _unversioned(record.model_dump(mode="json", include={*names}))


def _unversioned(value: Any) -> Any:
    """Without the versions of the records inside, which tell a reader nothing."""
    if isinstance(value, Mapping):
        return {name: _unversioned(inner) for name, inner in value.items() if name != "v"}
    if isinstance(value, list):
        return [_unversioned(inner) for inner in value]
    return value
