"""What mail an entry stops, as one field of a form: a scope and what it names. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from services.suppression.rules import Scope
from shared.contracts.topics import Stream
from shared.errors import ProblemError, invalid_request

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


def at_field(problem: ProblemError) -> ProblemError:
    """A problem whose faults of scope, domain and stream are those of the one field."""
    faults = [replace(each, pointer=f"#/{FIELD}") if each.pointer in OF_THE_API else each for each in problem.errors]
    return invalid_request(faults) if faults else problem
