"""Records that this version writes are read by the code of before its last change of contracts, and the reverse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from deploy.contracts.catalogue import RECORDS
from deploy.contracts.examples import examples
from tests.fixtures.earlier import earlier_tree

# Runs with the earlier code: reads each record and writes it again.
READ_AND_WRITE = """
import json, sys
from importlib import import_module
done = {}
for name, (module, record) in json.load(sys.stdin).items():
    try:
        model = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        continue  # of a later version
    done[name] = json.loads(model.decode(json.dumps(record).encode()).encode())
import shared
json.dump({"tree": shared.__file__, "records": done}, sys.stdout)
"""
FREE = {"metadata", "data", "counts", "inputs", "evidence"}
"""Maps: what stands in them is no field."""


def with_more(value: Any) -> Any:
    """The same with a further field in every object."""
    if isinstance(value, list):
        return [with_more(each) for each in value]
    if isinstance(value, dict):
        same = {name: each if name in FREE else with_more(each) for name, each in value.items()}
        return {**same, "a_field_of_a_later_version": {"deep": [1, "x", None]}}
    return value


def _written_by(tree: Path, records: dict[str, Any]) -> dict[str, Any]:
    modules = {record.__name__: record.__module__ for record in RECORDS}
    given = {name: (modules[name], record) for name, record in records.items()}
    environ = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-c", READ_AND_WRITE]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, cwd=tree, env=environ)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert Path(said["tree"]).is_relative_to(tree)
    return dict(said["records"])


def test_an_earlier_version_reads_and_writes_the_records_of_this_one(tmp_path: Path) -> None:
    ours = examples()
    theirs = _written_by(earlier_tree(tmp_path), ours)
    assert theirs, "it knows none of the records"
    for record in RECORDS:
        if record.__name__ in theirs:
            written = theirs[record.__name__]
            assert written.items() <= ours[record.__name__].items()
            assert json.loads(record.decode(json.dumps(written).encode()).encode()) == ours[record.__name__]


def test_an_earlier_version_reads_what_has_further_fields_everywhere(tmp_path: Path) -> None:
    ours = examples()
    written = _written_by(earlier_tree(tmp_path), {name: with_more(record) for name, record in ours.items()})
    for name, record in written.items():
        assert record.items() <= ours[name].items()
