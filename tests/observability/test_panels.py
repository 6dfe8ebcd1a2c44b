"""Every query of every dashboard has data at a real Prometheus that scrapes a stack under a varied load, the rules are
evaluated there, and exemplars lead to traces that the stack has told of."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.render import FOLDER
from deploy.local.stack import Stack
from deploy.prometheus.render import RULES
from tests.e2e.account import Account
from tests.fixtures.own_ports import own_ports
from tests.fixtures.prometheus import Prometheus, scraping
from tests.observability.load import break_things, vary

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]
JOBS = ("http", "smtp", "ingest", "router", "suppression", "sender", "returns", "webhooks")
VARIABLES = {"$__rate_interval": "1m", "$job": "|".join(JOBS), "$namespace": ".*"}
SECONDS = 300
MAY_BE_EMPTY = {
    "Warm-up": "no source of the stack is being warmed up",
    "Rates as adapted": "no destination of the stack has a rate",
    "MTA-STS policies fetched": "the stack's domains publish none",
    "Changes of reputations": "takes more complaints than a test makes",
    "Failed": "no command fails while MongoDB is there",
    "Look-ups of hosts": "the stack's hosts are addresses",
    "Scheduled, swept": "the sweeper has nothing to hand over again",
}
"""Panels that may have queries without data, each with why."""


def queries() -> dict[tuple[str, str, str], str]:
    """By dashboard, panel and letter, every query with its variables filled in, as Grafana does."""
    found: dict[tuple[str, str, str], str] = {}
    for file in sorted(FOLDER.glob("*.json")):
        panels: list[dict[str, Any]] = json.loads(file.read_text())["panels"]
        for panel in panels:
            for target in panel.get("targets", ()):
                expr = target["expr"]
                for name, value in VARIABLES.items():
                    expr = expr.replace(name, value)
                found[file.stem, panel["title"], target["refId"]] = expr
    return found


def empty(prometheus: Prometheus, asked: dict[tuple[str, str, str], str]) -> dict[tuple[str, str, str], str]:
    return {place: expr for place, expr in asked.items() if not prometheus.query(expr)}


async def test_every_panel_has_data_and_exemplars_lead_to_traces(
    stack: Stack, account: Account, tmp_path: Path
) -> None:
    jobs = {job: [f"127.0.0.1:{stack.ports[f'{job}_health']}"] for job in JOBS}
    with scraping(tmp_path, own_ports(23790), jobs, RULES) as prometheus:
        await break_things(account)
        missing, deadline = queries(), time.monotonic() + SECONDS
        while missing and time.monotonic() < deadline:
            await vary(account)
            missing = empty(prometheus, missing)
            if all(panel in MAY_BE_EMPTY for _, panel, _ in missing):
                break
            await asyncio.sleep(2)
        print("without data:", *missing, sep="\n  ")
        assert not {place: expr for place, expr in missing.items() if place[1] not in MAY_BE_EMPTY}
        assert len(prometheus.healthy_targets()) == len(JOBS)
        assert [rule["name"] for rule in prometheus.rules() if rule["health"] != "ok"] == []
        await _exemplars_lead_to_traces(account, prometheus)


async def _exemplars_lead_to_traces(account: Account, prometheus: Prometheus) -> None:
    for metric in ("posthorn_end_to_end_seconds_bucket", "posthorn_first_attempt_seconds_bucket"):
        found = prometheus.exemplars(metric)
        assert found, metric
        newest = max(found, key=lambda each: each["timestamp"])
        spans = (await account.receiver.get(f"/traces/{newest['labels']['trace_id']}")).json()
        assert "smtp.deliver" in {span["name"] for span in spans}
        assert (await account.email(newest["labels"]["message_id"]))["status"]
