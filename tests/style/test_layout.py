"""The layout holds: who may import whom, how long a file may be, and where the driver's code may stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("ingest", "router", "suppression", "sender", "webhooks")
SOURCES = sorted(path for folder in ("services", "shared", "deploy") for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST_FILE, LONGEST_HANDLER = 300, 40
PURE_FORBIDS = ("aiokafka", "faststream", "motor", "pymongo", "httpx", "fastapi", "shared.kafka", "shared.mongo")
VALUES = ("shared.mongo.entities",)  # for its Entity, a value


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize("path", [path for path in SOURCES if path.is_relative_to(ROOT / "shared")], ids=name_of)
def test_shared_imports_no_service(path: Path) -> None:
    assert not [module for module in imports_of(path) if is_within(module, "services")]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_shared_and_itself(service: str) -> None:
    others = [f"services.{other}" for other in SERVICES if other != service]
    for path in (ROOT / "services" / service).rglob("*.py"):
        foreign = [module for module in imports_of(path) if any(is_within(module, other) for other in others)]
        assert not foreign, f"{name_of(path)} imports {foreign}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    folder = ROOT / "services" / service
    for room in ("app", "settings", "handlers"):
        assert (folder / f"{room}.py").is_file(), f"{service} has no {room}.py"
    for room in ("rules", "store"):
        assert (folder / f"{room}.py").is_file() or (folder / room / "__init__.py").is_file(), (
            f"{service} has no {room}"
        )


@pytest.mark.parametrize("service", SERVICES)
def test_rules_are_pure(service: str) -> None:
    folder = ROOT / "services" / service
    paths = [*folder.glob("rules.py"), *folder.glob("rules/**/*.py")]
    assert paths
    for path in paths:
        impure = [module for module in imports_of(path) if any(is_within(module, each) for each in PURE_FORBIDS)]
        assert not [module for module in impure if module not in VALUES], path
        calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert not {"datetime.now", "time.time", "time.monotonic"} & set(calls), path


def test_only_stores_import_the_driver() -> None:
    for path in SOURCES:
        parts = path.relative_to(ROOT).parts
        in_store = "store" in parts or path.name == "store.py" or parts[:2] == ("shared", "mongo")
        if in_store or name_of(path) in ("shared/content.py", "shared/service.py", "services/setup.py"):
            continue
        assert not [module for module in imports_of(path) if is_within(module, "motor")], name_of(path)


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name_of)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("service", SERVICES)
def test_handlers_are_short(service: str) -> None:
    path = ROOT / "services" / service / "handlers.py"
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            assert length <= LONGEST_HANDLER, f"{node.name} has {length} lines"
