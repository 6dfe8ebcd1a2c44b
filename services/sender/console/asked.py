"""What a form or an address asks to have done with what waits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import ImmutableMultiDict

from services.sender.console.filters import PARTS, PATH
from services.sender.queue.actions import Action
from services.sender.queue.selection import Selection
from shared.console.forms import moment_of
from shared.console.gate import safe_target

OWN_FIELDS: Mapping[Action, tuple[str, ...]] = {
    Action.HOLD: ("reason", "until"),
    Action.RELEASE: ("hold",),
    Action.RETRY: (),
    Action.BOUNCE: ("reason",),
    Action.REROUTE: ("to",),
}
FIELDS = (*PARTS, "workspace", "hold", "reason", "until", "to")


@dataclass(frozen=True, slots=True)
class Asked:
    """`messages` are ids, `given` the fields that are not empty, `back` the page that was come from."""

    action: Action
    messages: Sequence[str]
    given: Mapping[str, str]
    back: str

    @property
    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        names = (*PARTS, "workspace", *OWN_FIELDS[self.action])
        fields: dict[str, Any] = {name: self.given[name] for name in names if name in self.given}
        if "reason" in names:
            fields.setdefault("reason", "")  # needed: what is empty is told as such
        if "until" in fields:
            fields["until"] = moment_of(fields["until"])
        return fields | ({"messages": list(self.messages)} if self.messages else {})

    @property
    def names_something(self) -> bool:
        return bool(self.messages) or any(name in self.given for name in (*PARTS, "workspace"))

    def selection(self, workspace: str) -> Selection:
        """What it selects of a workspace's mail."""
        parts = {name: self.given.get(name) for name in PARTS}
        return Selection(frozenset(self.messages) if self.messages else None, workspace, **parts)

    def url(self, action: Action) -> str:
        """The page that asks for another action on the same."""
        fields = {name: value for name, value in self.given.items() if name in (*PARTS, "workspace")}
        return (
            f"{PATH}/act?{urlencode({'action': action, 'messages': self.messages, **fields, 'back': self.back}, True)}"
        )


def asked_of(action: Action, fields: ImmutableMultiDict[str, Any]) -> Asked:
    """From a form's fields, or an address's."""
    given = {name: value for name in FIELDS if (value := str(fields.get(name, "")).strip())}
    messages = tuple(str(id_).strip().lower() for id_ in fields.getlist("messages"))
    return Asked(action, messages, given, safe_target(str(fields.get("back") or PATH)))


def action_of(name: str | None) -> Action:
    """An action by its name; a retry, which undoes nothing, for any other text."""
    return Action(name) if name in tuple(Action) else Action.RETRY
