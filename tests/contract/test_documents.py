"""docs/contracts is what the code says, breaks nothing of what was committed, and is sound by its standards."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from deploy.contracts.asyncapi import document
from deploy.contracts.catalogue import RECORDS
from deploy.contracts.examples import examples
from deploy.contracts.schemas import schema_name, schemas
from deploy.contracts.writing import ASYNCAPI, FOLDER, BreakingChangeError, broken, committed, render, write_contracts
from shared.contracts.flows import FLOWS
from shared.contracts.topics import all_topics
from tests.fixtures.npm import npm_package

ROOT = FOLDER.parents[1]
SCHEMAS = FOLDER / "schemas"


def test_the_documents_are_fresh() -> None:
    there = {str(file.relative_to(FOLDER)): file.read_text() for file in FOLDER.rglob("*.json")}
    assert there == render(), "docs/contracts is stale: python -m deploy.reference"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_example_is_read_by_the_schema_and_by_the_code(record: Any) -> None:
    example = examples()[record.__name__]
    jsonschema_rs.validator_for(schemas()[schema_name(record)]).validate(example)
    made = record.decode(json.dumps(example).encode())
    assert json.loads(made.encode()) == example


def test_every_topic_is_a_channel_and_every_group_an_operation() -> None:
    made = document()
    assert set(made["channels"]) == {topic.name for topic in all_topics()}
    groups = {
        operation["bindings"]["kafka"]["groupId"]["const"]
        for operation in made["operations"].values()
        if "bindings" in operation
    }
    assert groups == {group for flow in FLOWS.values() for group in flow.groups}
    assert all(operation["channel"]["$ref"][len("#/channels/") :] in made["channels"]
               for operation in made["operations"].values())  # fmt: skip


def test_asyncapi_takes_the_document() -> None:
    """The official JSON Schema of AsyncAPI 3.0, and each example by the document's own schemas."""
    folder = npm_package("@asyncapi/specs", "6.11.1") / "node_modules" / "@asyncapi" / "specs" / "schemas"
    made = json.loads((FOLDER / ASYNCAPI).read_text())
    official = jsonschema_rs.validator_for(json.loads((folder / "3.0.0-without-$id.json").read_text()))
    official.validate(made)
    wrong = copy.deepcopy(made)
    wrong["operations"]["ingest.sends.mail.events"]["action"] = "shout"
    assert not official.is_valid(wrong)
    for message in made["components"]["messages"].values():
        own = {"$ref": message["payload"]["$ref"], "components": made["components"]}
        for example in message["examples"]:
            jsonschema_rs.validator_for(own).validate(example["payload"])


def test_writing_refuses_what_breaks_and_writes_what_does_not(tmp_path: Path) -> None:
    write_contracts(tmp_path)
    file = tmp_path / "schemas" / "Erased.1.json"
    older = json.loads(file.read_text())
    older["properties"].pop("counts")
    older["required"].remove("counts")
    file.write_text(json.dumps(older))
    with pytest.raises(BreakingChangeError, match=r"Erased\.1: `/counts` of an older version: is required"):
        write_contracts(tmp_path)
    assert json.loads(file.read_text()) == older
    older["properties"].pop("workspace_id")
    file.write_text(json.dumps({**older, "properties": json.loads(render()["schemas/Erased.1.json"])["properties"],
                                "required": json.loads(render()["schemas/Erased.1.json"])["required"]}))  # fmt: skip
    write_contracts(tmp_path)
    assert file.read_text() == render()["schemas/Erased.1.json"]


def test_a_version_that_is_gone_has_to_be_retired_by_name(tmp_path: Path) -> None:
    write_contracts(tmp_path)
    gone = tmp_path / "schemas" / "Erased.0.json"
    gone.write_text((tmp_path / "schemas" / "Erased.1.json").read_text())
    with pytest.raises(BreakingChangeError, match=r"Erased\.0: is gone"):
        write_contracts(tmp_path)
    write_contracts(tmp_path, retired=["Erased.0"])
    assert not gone.exists()


def test_nothing_of_what_is_committed_is_broken() -> None:
    """Against the last commit that is there, whatever was regenerated since; without a history against the files."""
    now = schemas()
    before = _committed_in_git() or committed()
    assert broken({name: schema for name, schema in before.items() if name in now}, now) == []


def _committed_in_git() -> dict[str, Any]:
    """The schemas of the parent of the last commit that changed them, else of that commit; {} without a history."""
    folder = str(SCHEMAS.relative_to(ROOT))
    commits = _git("log", "-2", "--format=%H", "--", folder).split()
    if not commits:
        return {}
    names = _git("ls-tree", "--name-only", f"{commits[-1]}:{folder}").split()
    return {name.removesuffix(".json"): json.loads(_git("show", f"{commits[-1]}:{folder}/{name}")) for name in names}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""
