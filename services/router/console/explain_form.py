"""The form of a message that nobody sends, and the decision about it as a page shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.router.api.explain import ExplainBody
from services.router.console.wording import quoted
from services.router.routes.model import RuleSet
from shared.console.forms import as_body, lines_of
from shared.console.words import spoken
from shared.contracts.topics import Stream

FIELDS = ("from", "to", "stream", "tags", "size", "attempt", "last", "scope", "message_id")
STREAMS = [(str(stream), str(stream).capitalize()) for stream in Stream]
SUPPOSED = "as supposed here"
SCOPES = (
    ("transport", "The transport failed"),
    ("recipient", "The recipient’s side said no for now"),
    ("message", "It was about this message"),
)


def body_of(fields: Mapping[str, str], draft: RuleSet | None = None) -> ExplainBody:
    """What a form asks; raises a 422 problem."""
    asked: dict[str, Any] = {"from": fields["from"], "to": fields["to"], "tags": lines_of(fields["tags"])}
    asked |= {name: fields[name] for name in ("stream", "size", "attempt", "message_id") if fields[name]}
    if fields["last"]:
        asked["last"] = {"transport": fields["last"], "outcome": SUPPOSED, "scope": fields["scope"] or None}
    return as_body(ExplainBody, asked).model_copy(update={"draft": draft})


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision: its tone and headline, its grounds in sentences, every candidate, and all that it was made from."""

    tone: str
    title: str
    sentences: Sequence[str]
    candidates: Sequence[Mapping[str, Any]]
    facts: Sequence[tuple[str, str]]
    inputs: Sequence[tuple[str, str]]


def explained_of(decision: Mapping[str, Any]) -> Explained:
    """A decision as `/v1/routes/explain` gives it."""
    tone, title = _headline(decision)
    facts = [("Lane", decision["lane"])]
    if decision["rule"] is not None:
        facts.append(("Decided by", f"{decision['rule']}, version {decision['rule_version']}"))
    if route := decision["route"]:
        hosts = [f"{host['name']}:{host['port']}" for host in route["hosts"]]
        facts += [
            ("Hosts, in the order to dial", ", ".join(hosts) or "still being looked up"),
            ("Shares limits and health as", route["rollup"]),
            ("TLS", route["tls"]),
        ]
    candidates = decision["candidates"]
    grounds = decision["summary"][: len(decision["summary"]) - len(candidates)]  # the others say what the table does
    inputs = [
        ("DNS" if name == "dns" else spoken(name).capitalize(), _flat(value))
        for name, value in decision["inputs"].items()
    ]
    return Explained(tone, title, grounds, candidates, facts, inputs)


def _headline(decision: Mapping[str, Any]) -> tuple[str, str]:
    taken = next((each["name"] for each in decision["candidates"] if each["lost"] is None), None)
    verdict = decision["verdict"] or {}
    match decision["outcome"]:
        case "route":
            return "good", f"It goes by {quoted(str(taken))}: {decision['why']}"
        case "wait_until" if verdict.get("reason") == "held":
            return "warn", "It is held"
        case "wait_until":
            return "calm", "It waits"
        case "no_route":
            return "bad", "There is no way for it: it fails"
        case _:
            return "bad", "It is refused"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{spoken(str(name))} {_flat(inner)}" for name, inner in value.items())
    return ", ".join(map(_flat, value)) if isinstance(value, list) else str(value)
