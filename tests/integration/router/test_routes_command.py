"""`posthorn routes`: a reviewed file shown, compared and applied through an API that is served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.servers import Servers
from tests.integration.router.conftest import TOPICS, Router
from tests.integration.router.served import Command, served
from tests.integration.router.test_api import OPERATOR

pytestmark = pytest.mark.asyncio(loop_scope="module")
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
PASSWORD = "hunter2-secret"


@dataclass
class Served:
    """A router, its API and where that is."""

    router: Router
    client: httpx.AsyncClient
    url: str
    home: Path


@dataclass
class Shop:
    """A workspace with its command, its API and a file of its own."""

    command: Command
    client: httpx.AsyncClient
    key: dict[str, str]
    file: Path

    def write(self, **parts: Any) -> str:
        self.file.write_text(yaml.safe_dump(parts, sort_keys=False))
        return str(self.file)

    async def transports(self, key: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
        path = "/v1/platform/transports" if key else "/v1/transports"
        found = (await self.client.get(path, headers=key or self.key)).json()["data"]
        return {each["name"]: each for each in found if key or not each["shared"]}

    async def rules(self, path: str = "/v1/routes", key: dict[str, str] | None = None) -> Any:
        return (await self.client.get(path, headers=key or self.key)).json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served_router(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One API for all; each test has a workspace of its own."""
    deployment = Deployment(servers.mongo_url, servers.kafka_bootstrap)
    await deployment.prepare("router", topics=TOPICS)
    router = Router(deployment)
    async with router.running("http", "route") as client, served(client) as url:

        async def there() -> bool:
            return (await client.get("/v1/platform/transports/direct", headers=OPERATOR)).status_code == 200

        await eventually(there)
        yield Served(router, client, url, tmp_path_factory.mktemp("home"))
    await deployment.drop()


@pytest_asyncio.fixture(loop_scope="module")
async def shop(served_router: Served, tmp_path: Path) -> Shop:
    key = await served_router.router.key(tmp_path.name)
    command = Command(served_router.url, key, served_router.home)
    return Shop(command, served_router.client, key, tmp_path / "routes.yaml")


async def test_the_example_is_shown_applied_once_and_changes_nothing_then(shop: Shop, tmp_path: Path) -> None:
    example = str(EXAMPLES / "routes.yaml")
    code, out, err = await shop.command.run("apply", example, "--yes", RELAY_PASSWORD=None)
    assert code == 1
    assert "the variable RELAY_PASSWORD is not set; nothing was changed" in err
    assert await shop.transports() == {}
    shown = await shop.command.does("diff", example, code=2)
    assert shown == out
    lines = shown.splitlines()
    assert {"+ transport relay", "    host: smtp.example.com", "    password: from $RELAY_PASSWORD"} <= {*lines}
    assert {"~ order: (none) -> direct, relay", "+ rule codes", '    when.tags: ["code"]'} <= {*lines}
    assert "    route: relay-eu (3) + relay then direct" in lines
    assert lines[-1] == "5 to create, 1 to change; the rules are at version 0."
    code, out, err = await shop.command.run("apply", example, typed="n\n", RELAY_PASSWORD=PASSWORD)
    assert (code, (await shop.rules())["version"]) == (1, 0)
    done = await shop.command.does("apply", example, "--yes", RELAY_PASSWORD=PASSWORD)
    assert done.splitlines()[-3:] == [
        "created transport relay", "created transport relay-eu", "the rules are at version 1",
    ]  # fmt: skip
    made, rules = await shop.transports(), await shop.rules()
    assert {name: (each["host"], each["has_password"]) for name, each in made.items()} == {
        "relay": ("smtp.example.com", True),
        "relay-eu": ("smtp.eu.example.com", True),
    }
    assert rules["transports"] == ["direct", made["relay"]["id"]]
    assert [rule["id"] for rule in rules["rules"]] == ["partner-moves", "codes", "invoices-stay-in-the-eu"]
    assert PASSWORD not in shown + done
    for command in ("apply", "diff"):
        assert await shop.command.does(command, example) == "Nothing changes.\n"
    assert await shop.rules() == rules
    assert await shop.transports() == made
    written = tmp_path / "shown.yaml"
    written.write_text(await shop.command.does("show"))
    assert await shop.command.does("diff", str(written)) == "Nothing changes.\n"
    assert yaml.safe_load(written.read_text())["transports"]["relay"]["password_env"] == "RELAY_PASSWORD"


async def test_every_kind_of_change_is_shown_and_made(shop: Shop) -> None:
    relay = {"kind": "smarthost", "host": "a.example", "username": "u", "password_env": "ONE"}
    old = {"kind": "smarthost", "host": "old.example"}
    rules = [{"id": id_, "when": {"tags": [id_]}, "lane": "critical"} for id_ in ("a", "b", "c")]
    before = shop.write(transports={"relay": relay, "old": old}, order=["relay", "old"], rules=rules)
    await shop.command.does("apply", before, "--yes", ONE=PASSWORD)
    relay |= {"host": "b.example", "weight": 5}
    changed = [rules[2], {**rules[0], "lane": "standard"}, {"name": "New", "route": [[{"transport": "relay"}]]}]
    after = shop.write(transports={"relay": relay}, order=["direct"], rules=changed)
    lines = (await shop.command.does("diff", after, code=2)).splitlines()
    assert lines == [
        "~ transport relay",
        "    host: a.example -> b.example",
        "    weight: 100 -> 5",
        "~ order: relay, old -> direct",
        "> rule c from 2 to 0",
        "~ rule a",
        "    lane: critical -> standard",
        "+ rule new",
        "    at: 2",
        "    name: New",
        "    route: relay",
        "- rule b",
        "= transport old is not in the file and stays (--prune deletes it)",
        "1 to create, 3 to change, 1 to move, 1 to remove; the rules are at version 1.",
    ]
    await shop.command.does("apply", after, "--yes")
    assert {*await shop.transports()} == {"relay", "old"}
    assert (await shop.transports())["relay"]["has_password"] is True  # kept, its variable is not even set
    left = await shop.command.does("diff", after)
    assert left.splitlines()[-1] == "Nothing changes."
    assert "- transport old" in await shop.command.does("diff", after, "--prune", code=2)
    assert (await shop.command.does("apply", after, "--prune", "--yes")).endswith("removed transport old\n")
    assert {*await shop.transports()} == {"relay"}
    again = await shop.command.does("diff", after, "--passwords", code=2)
    assert "    password: (none) -> from $ONE" in again
    version = (await shop.transports())["relay"]["version"]
    await shop.command.does("apply", after, "--passwords", "--yes", ONE="another")
    without = {name: value for name, value in relay.items() if name not in ("username", "password_env")}
    await shop.command.does("apply", shop.write(transports={"relay": without}), "--yes")
    gone = (await shop.transports())["relay"]
    assert (gone["version"], gone["username"], gone["has_password"]) == (version + 2, None, False)
    assert [rule["id"] for rule in (await shop.rules())["rules"]] == ["c", "a", "new"]  # no part of that file


async def test_what_is_refused_stops_it_and_what_was_done_is_said(shop: Shop) -> None:
    good, private = {"kind": "smarthost", "host": "a.example"}, {"kind": "smarthost", "host": "127.0.0.1"}
    file = shop.write(transports={"good": good, "private": private}, rules=[{"id": "r", "hold": {"reason": "x"}}])
    code, out, err = await shop.command.run("apply", file, "--yes")
    assert code == 1
    assert out.endswith("created transport good\n")
    assert "#/host: This address is not on the public internet. (422); what stands above was done (1)" in err
    assert ({*await shop.transports()}, (await shop.rules())["version"]) == ({"good"}, 0)
    private["host"] = "b.example"
    held = [{"id": "r", "hold": {"reason": "x"}}]
    file = shop.write(transports={"good": good, "private": private}, order=["good"], rules=held)
    await shop.command.does("apply", file, "--yes")
    assert ({*await shop.transports()}, (await shop.rules())["version"]) == ({"good", "private"}, 1)
    rules = [{"id": "r", "route": [[{"transport": "new"}]]}]
    file = shop.write(transports={"private": private, "new": good}, order=["private"], rules=rules)
    done = await shop.command.does("apply", file, "--prune", "--yes")  # none of these may come before another
    assert done.splitlines()[-3:] == ["created transport new", "the rules are at version 2", "removed transport good"]
    assert (await shop.rules())["transports"] == [(await shop.transports())["private"]["id"]]


async def test_the_platforms_file_for_the_operator(shop: Shop) -> None:
    example = str(EXAMPLES / "platform-routes.yaml")
    done = await shop.command.does("apply", "--platform", example, "--yes")
    assert "~ quarantine: (none) -> quarantine" in done
    made = await shop.transports(OPERATOR)
    assert [each["address"] for each in made["pool-a"]["sources"]] == ["192.0.2.10", "192.0.2.11"]
    rules = await shop.rules("/v1/platform/routes", OPERATOR)
    assert rules["quarantine"] == {"pool": made["quarantine"]["id"], "hold": False}
    assert await shop.command.does("diff", "--platform", example) == "Nothing changes.\n"
    shop.file.write_text(await shop.command.does("show", "--platform"))
    assert await shop.command.does("diff", "--platform", str(shop.file)) == "Nothing changes.\n"
    named = shop.write(order=["pool-a"])
    assert "~ order: (none) -> pool-a" in await shop.command.does("diff", named, code=2)


WRONG: list[tuple[tuple[str, ...], dict[str, str | None], str]] = [
    (("diff", "{file}", "--colour"), {}, "No such option"),
    (("diff", "/nowhere.yaml"), {}, "posthorn: /nowhere.yaml: No such file or directory"),
    (("diff", "{file}"), {"POSTHORN_API_KEY": None}, "no key: give --key or POSTHORN_API_KEY"),
    (("show", "--platform"), {"POSTHORN_OPERATOR_TOKEN": None}, "no key: give --key or POSTHORN_OPERATOR_TOKEN"),
    (("show", "--key", "ph_live_x"), {}, "The API key is not valid. (401)"),
    (("show", "--url", "http://127.0.0.1:1"), {}, "does not answer (ConnectError)"),
    (("replay", "--since", "soon"), {}, "soon is neither a time nor 30m, 2h, 3d"),
    (("replay", "--since", "30d"), {}, "#/since: Events are kept for 7 days. (422)"),
    (("replay", "--file", "{file}"), {}, "there is no transport new yet: a draft names those that are there"),
    (("diff", "{file}"), {}, "{file}:5: order[1]: there is no transport nobody"),
]


async def test_what_goes_wrong_ends_with_1_and_is_said(shop: Shop) -> None:
    whole = "transports:\n  new: {kind: direct}\norder:\n- new\n- nobody\n"
    for arguments, variables, said in WRONG:
        shop.file.write_text(whole if "nobody" in said else whole.replace("- nobody\n", ""))
        named = [each.format(file=shop.file) for each in arguments]
        code, out, err = await shop.command.run(*named, **variables)
        assert (code, out) == (1, ""), (arguments, out, err)
        assert said.format(file=shop.file) in err
    assert (await shop.command.does("replay", "--since", "2h")).startswith("0 decisions from ")
