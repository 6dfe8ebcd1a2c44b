"""What mail an entry stops, as one field of a form: a scope and what it names. Pure."""

from __future__ import annotations

from collections.abc import Collection

from services.suppression.rules import Scope
from shared.console.forms import field_of
from shared.contracts.topics import Stream

EVERYTHING = ("", "All mail of this workspace")
FIELD = "where"
OF_THE_API = ("#/scope", "#/domain", "#/stream")


def where_options(domains: Collection[str]) -> list[tuple[str, str]]:
    """The choices of a workspace with these sending domains."""
    return [
        EVERYTHING,
        *((f"stream:{stream.value}", f"Mail of the stream {stream.value}") for stream in Stream),
        *((f"domain:{name}", f"Mail from {name}") for name in sorted(domains)),
    ]


def place_named(where: str) -> dict[str, str]:
    """The fields of the API that a choice stands for; another text is a scope, for the API to refuse."""
    scope, _, name = where.partition(":")
    if scope in (Scope.DOMAIN, Scope.STREAM):
        return {"scope": scope, scope: name}
    return {"scope": scope} if scope else {}


def at_field(pointer: str) -> str:
    """The form's field that a fault's pointer leads to."""
    return FIELD if pointer in OF_THE_API else field_of(pointer)
