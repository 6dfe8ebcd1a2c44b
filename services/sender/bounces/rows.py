"""One `[[rule]]` table of a file of bounce rules, and how it becomes a rule."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from services.sender.bounces.model import Action, Rule
from services.sender.bounces.patterns import compile_linear
from services.sender.smtp.outcomes import BounceClass, Stage

_CODE = re.compile(r"[3-5](?:[0-9]{2}|xx)")
_ENHANCED = re.compile(r"X\.(0|[1-9][0-9]{0,2})\.(\*|0|[1-9][0-9]{0,2})")


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Texts = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
Stages = Annotated[list[Stage], BeforeValidator(_as_list), Field(min_length=1)]


class ExampleRow(BaseModel):
    """A quoted reply: its lines as the peer sent them. What is left out is the rule's first, or `rcpt`."""

    model_config = ConfigDict(extra="forbid")

    reply: str
    stage: Stage | None = None
    provider: str | None = None
    relayed: bool | None = None


class RuleRow(BaseModel):
    """A rule as it is written. Lists may be written as the one thing that they hold."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    example: Annotated[list[str | ExampleRow], BeforeValidator(_as_list), Field(min_length=1)]
    class_: BounceClass = Field(alias="class")
    action: Action | None = None
    hard: bool = True
    stage: Stages | None = None
    provider: Texts | None = None
    code: Texts | None = None
    enhanced: Texts | None = None
    text: Texts | None = None
    relayed: bool | None = None

    @field_validator("code")
    @classmethod
    def _codes(cls, value: list[str]) -> list[str]:
        for each in value:
            if not _CODE.fullmatch(each):
                raise ValueError(f"{each!r} is neither a reply code such as 550 nor a class such as 5xx")
        return value

    @field_validator("enhanced")
    @classmethod
    def _details(cls, value: list[str]) -> list[str]:
        for each in value:
            if not _ENHANCED.fullmatch(each):
                raise ValueError(f"{each!r} is not written X.1.1 or X.4.*")
        return value

    @field_validator("text")
    @classmethod
    def _patterns(cls, value: list[str]) -> list[str]:
        for each in value:
            compile_linear(each)
        return value

    def rule(self) -> Rule:
        return Rule(
            id=self.id,
            class_=self.class_,
            action=self.action,
            hard=self.hard,
            stages=frozenset(self.stage) if self.stage else None,
            rollups=frozenset(self.provider) if self.provider else None,
            codes=frozenset(code for each in self.code for code in _codes_of(each)) if self.code else None,
            enhanced=frozenset(each.removeprefix("X.") for each in self.enhanced) if self.enhanced else None,
            texts=tuple(map(compile_linear, self.text)) if self.text else None,
            relayed=self.relayed,
        )


def _codes_of(text: str) -> range:
    if text.endswith("xx"):
        first = int(text[0]) * 100
        return range(first, first + 100)
    return range(int(text), int(text) + 1)
