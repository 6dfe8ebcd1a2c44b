"""What Leadpush's marketing page claims of the queue (https://leadpush.io/features/transactional-email)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.account import Account, fresh
from tests.fixtures.deployment import eventually

HELD = "held.test"


def posthorn(account: Account, *arguments: str) -> Any:
    """What the command prints, asked with the workspace's key."""
    command = [str(Path(sys.executable).with_name("posthorn")), "queue", "--url", account.home["base_url"]]
    environment = {**os.environ, **account.stack.env, "POSTHORN_API_KEY": account.home["api_key"]}
    done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_the_queue_shows_what_waits_by_lane_and_destination(account: Account) -> None:
    # other tests' mail goes to other domains
    recipient, urgent = (fresh("ok").replace("@sink.test", f"@{HELD}") for _ in range(2))
    hold = posthorn(account, "hold", "--domain", HELD, "--reason", "a look at the queue", "--json")
    assert hold["action"] == "hold"
    (waits,) = await account.send(recipient)
    (soon,) = await account.send(urgent, stream="security")
    for id_ in (waits, soon):
        await account.reaches(id_, "queued")
    queue = await account.get("/v1/queue")
    assert [(lane["lane"], lane["held"]["count"]) for lane in queue["lanes"]] == [("critical", 1), ("standard", 1)]
    (destination,) = [each for each in queue["destinations"]["data"] if each["held"]["count"]]
    assert (destination["transport"], destination["held"]["count"]) == ("direct", 2)
    assert (destination["held"]["why"], destination["held"]["hold"]) == ("held", hold["id"])
    listed = posthorn(account, "list", "--domain", HELD, "--lane", "critical", "--json")
    assert [(each["id"], each["recipient"], each["attempts"]) for each in listed["data"]] == [(soon, urgent, 0)]
    (entry,) = await account.steps(waits, "queued")
    assert (entry["data"]["hold"], entry["data"]["detail"]) == (hold["id"], "a look at the queue")
    released = posthorn(account, "release", "--hold", hold["id"], "--json")
    assert released["changed"] == 2
    for id_ in (waits, soon):
        await account.reaches(id_, "delivered")
    assert [await account.deliveries_to(each) for each in (recipient, urgent)] == [1, 1]

    async def empty() -> bool:
        lanes = (await account.get("/v1/queue"))["lanes"]
        return not any(lane["held"]["count"] for lane in lanes)

    await eventually(empty)
