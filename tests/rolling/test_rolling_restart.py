"""Every process of a Posthorn is replaced in turn while mail flows: two of each, as a deployment has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.parts import SERVICES
from tests.faults.forms import SEED
from tests.fixtures.own_ports import own_ports
from tests.rolling.fleet import FIRST, SECOND, fleet
from tests.rolling.roll import roll_all

# A deployment is rolled process by process; which one is first is not said.
NAMES = [f"{program.name}{suffix}" for program in SERVICES for suffix in (FIRST, SECOND)]


@pytest.mark.verify
@pytest.mark.timeout(3600)
async def test_a_rolling_restart_of_all_services_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with fleet(tmp_path, own_ports(25700)) as made:
        rolled = await roll_all(made, f"roll-{SEED}", NAMES)
    print(rolled.figures(), rolled.judgement)
    rolled.keep("rolling-restart")
    rolled.check()
