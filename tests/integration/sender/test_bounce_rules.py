"""An operator's bounce rules in a running sender: refused at start where they are broken, taken when they change."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.sender.settings import Settings
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.sender.world import World

RULE = """
[[rule]]
example = "550 5.1.1 unknown"
id = "{id}"
provider = "static:*.test"
enhanced = "X.1.1"
class = "policy_auth"
"""


async def test_the_event_names_the_rule_and_a_changed_file_is_taken(world: World, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    await asyncio.to_thread(file.write_text, RULE.format(id="before"))

    async def rule_of_a_refusal() -> str:
        message = await world.message("permfail@sink.test")
        await world.clear(message)
        (event,) = await world.events(message, "bounced")
        assert (event.data["class"], event.data["suppress"]) == ("policy_auth", False)
        return str(event.data["rule"])

    async def changed() -> bool:
        return await rule_of_a_refusal() == "after"

    async with world.sender(bounce_rules_file=str(file)):
        assert await rule_of_a_refusal() == "before"
        await asyncio.to_thread(file.write_text, RULE.format(id="after"))
        await eventually(changed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RULE.format(id="Not An Id"), r"rules\.toml:4: id: "),
        (None, r"rules\.toml: No such file or directory"),
    ],
)
def test_a_sender_does_not_start_with_a_broken_file(
    deployment: Deployment, tmp_path: Path, text: str | None, reason: str
) -> None:
    file = tmp_path / "rules.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValidationError, match=reason):
        deployment.settings(Settings, bounce_rules_file=str(file))
