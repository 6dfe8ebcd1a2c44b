"""The Dockerfile as its stages' instructions."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[3]
Stage = list[tuple[str, str]]


def stages() -> list[Stage]:
    """Each stage's instructions from its FROM on, as (keyword, the rest in one line)."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "deploy" / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: list[Stage] = []
    for line in filter(None, map(str.strip, re.sub(r"\\\n\s*", " ", text).splitlines())):
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            found.append([])
        found[-1].append((keyword, rest))
    return found


def values(stage: Stage, keyword: str) -> list[str]:
    return [rest for name, rest in stage if name == keyword]


def pairs(stage: Stage, keyword: str) -> dict[str, str]:
    """What ENV, ARG and LABEL name, each with its value."""
    named = (pair.partition("=") for line in values(stage, keyword) for pair in shlex.split(line))
    return {name: value for name, _, value in named}
