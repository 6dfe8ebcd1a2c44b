"""Processes of the version before the last change of contracts and of this one make one Posthorn, as in a roll-out."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.install import CHECKOUT
from tests.faults.forms import SEED
from tests.fixtures.earlier import earlier_tree
from tests.fixtures.own_ports import own_ports
from tests.rolling.fleet import FIRST, SECOND, fleet
from tests.rolling.roll import roll_all


@pytest.mark.verify
@pytest.mark.timeout(3600)
async def test_two_versions_side_by_side_lose_and_double_nothing(tmp_path: Path) -> None:
    """One process of each part is of the earlier version and one of this: on each topic what the one publishes is read
    by the other, both ways. Then the earlier ones are replaced, under load."""
    earlier = earlier_tree(tmp_path)
    with fleet(tmp_path / "stack", own_ports(26700), {FIRST: earlier, SECOND: CHECKOUT}) as made:
        both = await roll_all(made, f"both-{SEED}", [])
        both.keep("two-versions-side-by-side")
        both.check()
        upgraded = await roll_all(made, f"upgrade-{SEED}", made.upgrade(FIRST, CHECKOUT))
    upgraded.keep("upgrade")
    upgraded.check()
