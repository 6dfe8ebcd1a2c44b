"""The rules as the file that Prometheus loads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from deploy.prometheus.alerts import DELIVERY, IDENTITY, STUCK, Alert
from deploy.prometheus.burning import burn_alerts, recordings

RULES = Path(__file__).resolve().parent / "rules.yaml"
HEAD = "# Made by `python -m deploy.reference` from the modules beside it; a test fails where it is stale.\n"
RUNBOOKS = "docs/operations.md"


def render_rules() -> str:
    groups = [
        {"name": "posthorn.recorded", "rules": [{"record": name, "expr": expr} for name, expr in recordings()]},
        _group("posthorn.objectives", burn_alerts()),
        _group("posthorn.stuck", STUCK),
        _group("posthorn.delivery", DELIVERY),
        _group("posthorn.identity", IDENTITY),
    ]
    return HEAD + str(yaml.safe_dump({"groups": groups}, sort_keys=False, width=110, allow_unicode=True))


def _group(name: str, alerts: Iterable[Alert]) -> dict[str, Any]:
    return {"name": name, "rules": [_rule(alert) for alert in alerts]}


def _rule(alert: Alert) -> dict[str, Any]:
    waiting = {"for": alert.lasting} if alert.lasting != "0m" else {}
    return {
        "alert": alert.name,
        "expr": alert.expr,
        **waiting,
        "labels": {"severity": alert.severity, **({"window": alert.window} if alert.window else {})},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook": f"{RUNBOOKS}#{alert.name.lower()}",
        },
    }
