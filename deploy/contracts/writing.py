"""Writes docs/contracts from the code, unless that would break what is committed there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from deploy.contracts.asyncapi import document
from deploy.contracts.breaking import breaking_changes
from deploy.contracts.schemas import schemas

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "contracts"
ASYNCAPI = "asyncapi.json"


class BreakingChangeError(Exception):
    """The code's records cannot take the place of those that are committed; nothing was written."""


def render() -> dict[str, str]:
    """The text of each file, by its path below docs/contracts."""
    made = {ASYNCAPI: document(), **{f"schemas/{name}.json": schema for name, schema in schemas().items()}}
    return {name: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for name, value in made.items()}


def committed(folder: Path = FOLDER) -> dict[str, Any]:
    """The schemas that stand in a folder, by their names."""
    return {file.name.removesuffix(".json"): json.loads(file.read_text()) for file in folder.glob("schemas/*.json")}


def broken(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What each schema of `new` breaks of the one in `old` with the same name and version. A record may be there in a
    further version; one that is gone altogether may still be read from its topic."""
    gone = [f"{name}: is gone" for name in sorted(old.keys() - new.keys())]
    both = sorted(old.keys() & new.keys())
    return gone + [f"{name}: {text}" for name in both for text in breaking_changes(old[name], new[name])]


def write_contracts(folder: Path = FOLDER, *, retired: Collection[str] = ()) -> None:
    """Writes all files. Raises BreakingChangeError where a schema that stands there would be broken.

    `retired` names those that nobody sends any more and no topic holds (`Message.1`): their files go.
    """
    kept = {name: schema for name, schema in committed(folder).items() if name not in retired}
    if faults := broken(kept, schemas()):
        raise BreakingChangeError("\n".join([*faults, "docs/contracts/README.md says how a record may change."]))
    for name, text in render().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in retired:
        (folder / "schemas" / f"{name}.json").unlink(missing_ok=True)
