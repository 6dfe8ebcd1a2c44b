"""The alerts under promtool: they can be loaded, each fires in its case, and none does in the near ones."""

from __future__ import annotations

import subprocess

import pytest

from deploy.prometheus.cases import FILES
from deploy.prometheus.render import RULES
from tests.fixtures.prometheus import program

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]


def promtool(*arguments: str) -> str:
    done = subprocess.run([str(program("promtool")), *arguments], cwd=RULES.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_can_be_loaded() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", RULES.name)


@pytest.mark.parametrize("cases", FILES)
def test_every_alert_fires_in_its_case_alone(cases: str) -> None:
    assert "SUCCESS" in promtool("test", "rules", cases)
