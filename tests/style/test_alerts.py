"""The alerts are what their code makes, ask for what there is, and lead to a runbook that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from deploy.prometheus.cases import render_cases, untested
from deploy.prometheus.render import RULES, render_rules
from tests.style.promql import declared, faults

ROOT = Path(__file__).parents[2]
RENDERED = [rule for group in yaml.safe_load(render_rules())["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in RENDERED if "alert" in rule]
RECORDED = {rule["record"]: rule for rule in RENDERED if "record" in rule}


def test_rules_and_their_cases_are_fresh() -> None:
    wanted = {RULES.name: render_rules(), **render_cases()}
    kept = {file.name: file.read_text() for file in RULES.parent.glob("*.yaml") if file.name != "prometheus.yaml"}
    assert kept == wanted, "deploy/prometheus is stale: python -m deploy.reference"


def test_every_rule_names_what_there_is() -> None:
    known = declared() | dict.fromkeys(RECORDED, frozenset())
    for rule in RENDERED:
        assert not list(faults(rule["expr"], known)), rule


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    runbooks = text[text.index("\n## Runbooks\n") :]
    sections = dict(re.findall(r"^### (\w+)\n\n(.+?)(?=\n### |\Z)", runbooks, re.MULTILINE | re.DOTALL))
    assert set(sections) == {alert["alert"] for alert in ALERTS}
    for alert in ALERTS:
        assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['alert'].lower()}"
    for name, section in sections.items():
        assert "**Do**" in section or "**do**" in section, name


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}-{alert['labels'].get('window', '')}")
def test_alerts_say_what_is_wrong(alert: dict[str, dict[str, str]]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    says = alert["annotations"]["description"]
    assert "$value" in says or alert["expr"].endswith("> 0") or alert["expr"].startswith("absent(")  # type: ignore[attr-defined]


def test_every_alert_is_set_off_by_a_case() -> None:
    assert untested() == set()
