"""What router and suppression decided about a pass, and by what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.ingest.projection.narration.wording import said, short, spoken, until

Entry = Mapping[str, Any]

LOST = {"disabled": "it is disabled", "unknown": "there is no such transport"}
SUPPRESSED = {
    "complaint": "the address complained",
    "manual": "the address was put on the list by hand",
    "unsubscribe": "the address unsubscribed",
    "unsubscribed": "the address unsubscribed",
    "hard_bounce": "mail to the address bounced for good",
    "inactive": "its mailbox is not in use",
    "invalid_domain": "its domain takes no mail",
    "soft_bounce_limit": "mail to the address bounced too often",
    "erasure": "the data of the person behind it was erased",
}
WAITS = {
    "configuration": "The present configuration of the workspace has not come here yet",
    "dns": "The recipient's mail hosts are not known yet",
}


def routed(entry: Entry) -> str:
    """By which rule, who was taken and why, and why each of the others lost."""
    candidates = entry.get("candidates") or []
    names = _names(candidates)
    taken = names.get(entry.get("transport"), entry.get("transport"))
    number = "Its one candidate" if len(candidates) == 1 else f"Of its {len(candidates)} candidates"
    why = f": {entry['why']}" if entry.get("why") else ""
    sentences = [
        *_by_rule(entry),
        f"{number}, {taken}, was taken{why}." if len(candidates) == 1 else f"{number} {taken} was taken{why}.",
        *(f"{name} lost: {reason}." for name, reason in _losers(candidates)),
    ]
    if entry.get("stand_in"):
        sentences.append("The recipient's mail hosts were not known in time; they are looked up before it is sent.")
    return " ".join(sentences)


def checked(entry: Entry) -> str:
    """A verdict: what stopped the message and where, or that nothing did."""
    verdict = entry.get("verdict")
    if entry.get("by") == "router":
        return " ".join([*_by_rule(entry), _stopped(entry)])
    if verdict == "send":
        return "Nothing suppresses the recipient."
    if verdict == "suppressed":
        return _suppressed(entry)
    return "Its life had ended before it was checked." if verdict == "expired" else _stopped(entry)


def suppressed_by(reason: Any, scope: Any) -> str:
    """What an address is suppressed for, and where."""
    why = SUPPRESSED.get(str(reason), spoken(str(reason)))
    return f"{why} ({where})" if (where := _where(scope)) else why


def _by_rule(entry: Entry) -> Iterator[str]:
    rule, version, inputs = entry.get("rule"), entry.get("rule_version"), entry.get("inputs") or {}
    if rule is None:
        return
    owner, _, name = str(rule).rpartition(":")
    whose = "the platform" if owner == "platform" else "the workspace"
    at = f" (version {version} of {whose}'s rules)" if version else ""
    if name == "default":
        order = f"the failover order of {whose}{at}" if version else "the failover order that is built in"
        yield f"No rule took it; {order} did."
    elif owner == "platform" and name == "quarantine":
        yield f"The quarantine of the platform{at} took it, as the sending domain's reputation is poor."
    else:
        yield f"Rule {name} of {whose}{at} decided."
    if lane := inputs.get("lane_rule"):
        owner, _, name = str(lane).rpartition(":")
        yield f"Rule {name} of the {owner} set its lane."


def _stopped(entry: Entry) -> str:
    verdict, reason, detail = entry.get("verdict"), str(entry.get("reason")), short(str(entry.get("detail") or ""))
    then = until(entry, "until", "; looked at again at")
    if verdict == "no_route":
        candidates = (entry.get("evidence") or {}).get("candidates") or []
        lost = "; ".join(f"{name}: {why}" for name, why in _losers(candidates))
        return f"None of its transports can be used{f' ({lost})' if lost else ''}."
    if verdict == "expired":
        return "Its life had ended before it was routed."
    if verdict == "reject":
        told = f"{reason}: {detail}" if "class" not in (entry.get("evidence") or {}) and detail else detail or reason
        return f"The message is refused: {told}."
    if reason == "held":
        return f"The message is held: {detail or 'no reason is given'}{then}."
    return f"{detail or WAITS.get(reason, f'It waits: {spoken(reason)}')}{then}."


def _suppressed(entry: Entry) -> str:
    text = f"Suppressed: {suppressed_by(entry.get('reason'), entry.get('scope'))}."
    evidence = entry.get("evidence") or {}
    if entry.get("scope") == "platform" or "suppression_id" not in evidence:
        return text
    learnt = f", learnt from message {evidence['message_id']}{said(evidence)}" if evidence.get("message_id") else ""
    noted = f"; its note says: {short(str(evidence['note']))}" if evidence.get("note") else ""
    return f"{text} It is entry {evidence['suppression_id']}{learnt}{noted}."


def _where(scope: Any) -> str | None:
    """A scope as an entry names it: `platform`, `workspace:<id>`, `workspace:<id>:domain:<name>`, `…:stream:<name>`."""
    if not scope:
        return None
    parts = str(scope).split(":", 3)
    if len(parts) < 4:
        return parts[0]
    return f"mail from {parts[3]}" if parts[2] == "domain" else f"mail of the {parts[2]} {parts[3]}"


def _losers(candidates: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    names = _names(candidates)
    for each in candidates:
        if lost := each.get("lost"):
            yield names[each["transport"]], LOST.get(str(lost), str(lost))


def _names(candidates: Sequence[Entry]) -> dict[Any, str]:
    """Each candidate's name, with its id where another one has the same name."""
    told = {each["transport"]: str(each.get("name") or each["transport"]) for each in candidates}
    times = Counter(told.values())
    return {id_: name if times[name] == 1 else f"{name} ({id_})" for id_, name in told.items()}
