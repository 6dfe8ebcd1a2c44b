"""Every operation of every service against the one OpenAPI document, as schemathesis asks them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections import defaultdict
from pathlib import Path

import httpx
import pytest

from tests.fixtures.deployment import Deployment
from tests.integration.api.platform import Platform, open_platform

ROOT = Path(__file__).parents[3]
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip
NEVER_WELL: dict[str, str] = {}
"""Operations that cannot succeed here, and why."""


async def ask(platform: Platform, folder: Path, *options: str) -> tuple[str, dict[str, set[int]], int]:
    """What schemathesis prints, the statuses by operation, and how many requests there were."""
    seen = folder / "seen.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),  # it keeps what it has seen in its folder, which is the test's
        "SCHEMATHESIS_HOOKS": "tests.integration.api.hooks",
        "POSTHORN_PLATFORM": json.dumps(platform.as_json()),
        "POSTHORN_SEEN": str(seen),
        "COLUMNS": "160",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
        "run", f"{platform.url}/openapi.json", "--seed=8", "--no-shrink", "--continue-on-failure",
        "--request-timeout=30",  # a webhook's test waits 20 seconds for its outcome at most
        "--suppress-health-check=all", "--warnings=off", f"--checks={','.join(CHECKS)}", *options,
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    statuses: dict[str, set[int]] = defaultdict(set)
    counted = json.loads(seen.read_text())
    for each in counted:
        name, status = each.split(" ")
        statuses[name].add(int(status))
    return text, statuses, sum(counted.values())


async def operations(platform: Platform) -> set[str]:
    async with httpx.AsyncClient() as http:
        document = (await http.get(f"{platform.url}/openapi.json")).json()
    return {operation["operationId"] for path in document["paths"].values() for operation in path.values()}


def assert_all_went_well_once(named: set[str], statuses: dict[str, set[int]]) -> None:
    unwell = {name: sorted(statuses[name]) for name in named if not any(status < 400 for status in statuses[name])}
    assert unwell.keys() == NEVER_WELL.keys(), unwell


@pytest.mark.timeout(300)
async def test_replies_are_as_the_document_says(deployment: Deployment, tmp_path: Path) -> None:
    async with open_platform(deployment, tmp_path / "log") as platform:
        _, statuses, requests = await ask(platform, tmp_path, "--phases=examples,fuzzing", "--max-examples=3")
        assert requests >= 500
        assert_all_went_well_once(await operations(platform), statuses)


@pytest.mark.verify
@pytest.mark.timeout(3600)
async def test_replies_are_as_the_document_says_to_thousands_of_requests(
    deployment: Deployment, tmp_path: Path
) -> None:
    async with open_platform(deployment, tmp_path / "log") as platform:
        text, statuses, requests = await ask(
            platform, tmp_path, "--phases=examples,coverage,fuzzing", "--max-examples=40"
        )
        assert requests >= 5000
        assert_all_went_well_once(await operations(platform), statuses)
        assert re.search(r"No issues found", text), text
        print(text)
