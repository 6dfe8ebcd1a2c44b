"""What a file of routes says: transports by name, the failover order, rules, and for the platform its quarantine.

A part that is not there is not the file's: it stays as it is. A part that is there is the whole of it, and a field that
is not named has its default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from services.router.api.bodies import SmartHost, TransportSettings
from services.router.routes.model import MAX_RULES, MAX_TIERS, MAX_TRANSPORTS, Printable, Quarantine, Rule, Target
from services.router.routes_command.yaml_file import Document, FileError

Reference = Annotated[str, Field(min_length=1, max_length=100)]
"""A transport by its name in the file, its id, or the name that it has."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class TransportEntry(TransportSettings):
    """A transport. It is the one that has the `id`, else the one that is called as it is here; a `name` renames it.

    `password_env` names the variable of the environment that has its password.
    """

    id: str | None = Field(None, min_length=1, max_length=64)
    name: Printable | None = Field(None, min_length=1, max_length=100)
    kind: Literal["direct", "smarthost"]
    host: SmartHost | None = None
    password_env: str | None = None

    @field_validator("password", mode="before")
    @classmethod
    def _no_password(cls, value: Any) -> None:
        raise ValueError("a password never stands in a file: name the variable that has it as password_env")

    @field_validator("password_env")
    @classmethod
    def _a_variable(cls, value: str | None) -> str | None:
        if value is not None and not VARIABLE.fullmatch(value):
            raise ValueError("is not the name of a variable")
        return value


class FileTarget(Target):
    transport: Reference


class FileRule(Rule):
    route: list[Annotated[list[FileTarget], Field(min_length=1, max_length=MAX_TRANSPORTS)]] | None = Field(  # type: ignore[assignment]
        None, min_length=1, max_length=MAX_TIERS
    )


class FileQuarantine(Quarantine):
    pool: Reference | None = None


class RouteFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    transports: dict[Annotated[Printable, Field(min_length=1, max_length=100)], TransportEntry] | None = None
    order: list[Reference] | None = Field(None, max_length=MAX_TRANSPORTS)
    rules: list[FileRule] | None = Field(None, max_length=MAX_RULES)
    quarantine: FileQuarantine | None = None

    @property
    def manages_quarantine(self) -> bool:
        return "quarantine" in self.model_fields_set


def read_file(document: Document) -> RouteFile:
    """The document as a file of routes; raises FileError with every fault by its line."""
    if not isinstance(document.data, Mapping):
        raise FileError([document.fault((), "is not a mapping of transports, order and rules")])
    try:
        return RouteFile.model_validate(document.data)
    except ValidationError as error:
        faults = [document.fault(_path(each["loc"]), _sentence(each["type"], each["msg"])) for each in error.errors()]
        raise FileError(faults) from error


def _path(loc: tuple[int | str, ...]) -> list[str | int]:
    return [part for part in loc if part != "[key]"]


def _sentence(kind: str, text: str) -> str:
    return "there is no such field" if kind == "extra_forbidden" else text.removeprefix("Value error, ")
