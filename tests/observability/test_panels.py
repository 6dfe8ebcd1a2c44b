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
from tests.observability.rarities import complain, elect, go_by_rules

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]
JOBS = ("http", "smtp", "ingest", "router", "suppression", "sender", "returns", "webhooks")
VARIABLES = {"$__rate_interval": "1m", "$job": "|".join(JOBS), "$namespace": ".*"}
SECONDS = 300


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
        await go_by_rules(account)
        await asyncio.gather(complain(account), vary(account))
        await elect(account)
        missing, deadline = queries(), time.monotonic() + SECONDS
        while missing and time.monotonic() < deadline:
            await vary(account)
            missing = empty(prometheus, missing)
            await asyncio.sleep(2)
        assert not missing
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
