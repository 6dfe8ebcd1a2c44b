"""How lists, transports and moments of routing read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.router.routes.configuration import DIRECT


def listed(words: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *before, end = [*words] or [""]
    return f"{', '.join(before)} {last} {end}" if before else end


def quoted(name: str) -> str:
    return f"“{name}”"


def moment(at: datetime) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC"


def address_of(view: Mapping[str, Any]) -> str:
    """Where a transport's view says that it leads."""
    if view["kind"] == "direct":
        return "to the recipients’ own mail hosts"
    host = f"[{view['host']}]" if ":" in str(view["host"]) else view["host"]
    return f"by the smart host {host}, port {view['port']}"


def names_of(views: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Transports' names by their ids. A name that two of them have says which one is meant."""
    names = [str(view["name"]) for view in views]
    return {
        str(view["id"]): str(view["name"])
        if names.count(view["name"]) == 1 or view["id"] == DIRECT
        else f"{view['name']} ({str(view['id'])[-6:]})"
        for view in views
    }
