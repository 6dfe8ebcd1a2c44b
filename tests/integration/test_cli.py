"""`posthorn topics`, `indexes`, `dlq`, `openapi` and `run`, as a command of its own on real servers."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from services.cli import app
from services.suppression.app import create_app
from services.suppression.settings import Settings
from shared.contracts.topics import COMMANDS, EVENTS, LIVE, SUPPRESSION_CHANGES, all_topics, dead_letters
from tests.fixtures.deployment import Deployment
from tests.fixtures.real_process import running
from tests.integration.suppression.conftest import a_bounce, record_of

TOPICS = (EVENTS, dead_letters(EVENTS), SUPPRESSION_CHANGES, COMMANDS)


class Command:
    """The `posthorn` command with one deployment's environment, and no stack of this checkout to read from."""

    def __init__(self, deployment: Deployment, home: Path) -> None:
        given = {f"POSTHORN_{name.upper()}": str(value) for name, value in deployment.environment.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
        self.environ = {**kept, **given, "POSTHORN_HOME": str(home), "COLUMNS": "200"}

    async def __call__(self, *arguments: str, **environ: str | None) -> tuple[int, str, str]:
        """Exit code, standard output and standard error; a variable given as None is left out."""
        environment = {name: value for name, value in {**self.environ, **environ}.items() if value is not None}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", *arguments,
            env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def here(self, *arguments: str, **environ: str | None) -> tuple[int, str, str]:
        """The same of the command without a process of its own."""
        others = {name: None for name in os.environ if name.startswith("POSTHORN_")}
        environment = {**others, **self.environ, **environ}
        ended = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)
        return ended.exit_code, ended.stdout, ended.stderr

    async def succeeds(self, *arguments: str) -> str:
        code, out, err = await self(*arguments)
        assert (code, err) == (0, "")
        return out

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.succeeds(*arguments, "--json"))


@pytest.fixture
def posthorn(deployment: Deployment, tmp_path: Path) -> Command:
    return Command(deployment, tmp_path)


async def dead_letter_of_an_event(deployment: Deployment) -> tuple[str, bytes, dict[str, str]]:
    """Lets the service dead-letter a record that it cannot decode, with a good one's headers."""
    broken = ("m-broken", b"not json", {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"})
    service = create_app(deployment.settings(Settings), {"check"})
    async with service.run():
        await deployment.publish(EVENTS, [broken])
        await deployment.records(dead_letters(EVENTS), 1)
    return broken


async def prepared(deployment: Deployment) -> None:
    checked = tuple(f"mail.routed.{lane}" for lane in ("critical", "standard"))
    await deployment.prepare("suppression", topics=(*TOPICS, *checked, "config.changes"))


async def test_topics_are_made_once(posthorn: Command, deployment: Deployment) -> None:
    names = [topic.name for topic in all_topics()]
    deployment.topics |= set(names)
    assert sorted((await posthorn.succeeds("topics")).split()) == sorted(names)
    assert await posthorn.succeeds("topics") == ""
    listed = await posthorn.json("topics")
    assert [each["name"] for each in listed] == [deployment.shared.topic(name) for name in names]
    assert not any(each["created"] for each in listed)
    assert set(await posthorn.json("dlq", "list")) == set(LIVE)


async def test_topics_get_further_partitions_and_lose_none(posthorn: Command, deployment: Deployment) -> None:
    """What stood in the first partition and what comes to the further ones is read alike."""
    await prepared(deployment)  # a partition each
    deployment.topics |= {topic.name for topic in all_topics()}
    broken = [(f"m-{number}", b"not json", {}) for number in range(20)]
    await deployment.publish(EVENTS, broken[:5])
    posthorn.environ["POSTHORN_TOPIC_PARTITIONS"] = "3"
    said = (await posthorn.succeeds("topics")).splitlines()
    assert f"{EVENTS} (more partitions)" in said
    assert f"{dead_letters(EVENTS)} (more partitions)" not in said
    assert await partitions_listed(posthorn, deployment) == 3
    posthorn.environ["POSTHORN_TOPIC_PARTITIONS"] = "2"
    assert await posthorn.succeeds("topics") == ""
    assert await partitions_listed(posthorn, deployment) == 3
    await deployment.publish(EVENTS, broken[5:])
    async with create_app(deployment.settings(Settings), {"check"}).run():
        letters = await deployment.records(dead_letters(EVENTS), len(broken))
    headers = [dict(letter.headers)["dlq.origin"].decode() for letter in letters]
    assert {origin.rpartition("/")[0] for origin in headers} == {f"{EVENTS}/{partition}" for partition in range(3)}


async def partitions_listed(posthorn: Command, deployment: Deployment) -> int:
    listed = {each["name"]: each["partitions"] for each in await posthorn.json("topics")}
    return int(listed[deployment.shared.topic(EVENTS)])


async def test_indexes_are_made_and_made_again(posthorn: Command, deployment: Deployment) -> None:
    await deployment.strip()
    for _ in range(2):
        await posthorn.succeeds("indexes")
    indexes = await deployment.database("suppression")["suppressions"].index_information()
    assert "public_id_1" in indexes
    assert await deployment.database("content")["contents"].index_information()


async def test_dead_letters_are_listed(posthorn: Command, deployment: Deployment) -> None:
    await prepared(deployment)
    await dead_letter_of_an_event(deployment)
    assert await posthorn.json("dlq", "list") == {EVENTS: 1}
    assert (await posthorn.succeeds("dlq", "list")).split() == ["1", EVENTS]
    (row,) = await posthorn.json("dlq", "list", EVENTS)
    assert row.pop("failed_at")
    assert row.pop("group").endswith("suppression.learn")
    assert row == {
        "partition": 0, "offset": 0, "key": "m-broken", "reason": "undecodable", "origin": f"{EVENTS}/0/0",
        "exception": "ValidationError: 1 fault(s)",
    }  # fmt: skip
    shown = await posthorn.succeeds("dlq", "list", dead_letters(EVENTS))
    assert all(word in shown for word in ("m-broken", "undecodable", f"{EVENTS}/0/0"))


async def test_replayed_records_are_processed(posthorn: Command, deployment: Deployment) -> None:
    """Good records that were dead-lettered reach their topic as they first came, and the service takes them."""
    await prepared(deployment)
    events = [a_bounce(f"gone{number}@b.example") for number in range(3)]
    letters = [
        (key, value, {"traceparent": "kept", "dlq.reason": "handler", "dlq.origin": f"{EVENTS}/0/9"})
        for key, value, _ in map(record_of, events)
    ]
    await deployment.publish(dead_letters(EVENTS), letters)
    first = ["dlq", "replay", EVENTS, "--key", events[1].message_id]
    assert await posthorn.succeeds(*first) == f"replayed 1 record to {EVENTS}\n"
    (record,) = await deployment.records(EVENTS, 1)
    assert (record.key.decode(), record.value) == (events[1].message_id, events[1].encode())
    headers = {name: value.decode() for name, value in record.headers}
    assert headers["traceparent"] == "kept"
    assert not any(name.startswith("dlq.") for name in headers)
    assert await posthorn.succeeds("dlq", "replay", EVENTS, "--all", "--limit", "2") == (
        f"replayed 2 records to {EVENTS}\n"
    )
    service = create_app(deployment.settings(Settings), {"check"})
    async with service.run():
        changes = await deployment.records(SUPPRESSION_CHANGES, 2)
    assert len(changes) == 2
    assert await posthorn.succeeds("dlq", "replay", EVENTS, "--key", "nobody") == f"replayed 0 records to {EVENTS}\n"


def assert_told(ended: tuple[int, str, str], code: int, said: str) -> None:
    """One line on standard error that says so, and nothing else."""
    assert (ended[0], ended[1], ended[2].count("\n")) == (code, "", 1), ended
    assert ended[2].startswith("posthorn: ")
    assert said in ended[2]


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "said"),
    [
        (("run", "suppression"), {"POSTHORN_PEPPER": None}, 1, "POSTHORN_PEPPER"),
        (("topics",), {"POSTHORN_KAFKA_BOOTSTRAP": "127.0.0.1:1"}, 1, "Kafka"),
        (("dlq", "list", EVENTS), {"POSTHORN_KAFKA_BOOTSTRAP": "127.0.0.1:1"}, 1, "Kafka"),
        (("dlq", "list", EVENTS), {}, 1, "posthorn topics"),
        (("dlq", "replay", EVENTS, "--all"), {"POSTHORN_KAFKA_BOOTSTRAP": "127.0.0.1:1"}, 1, "Kafka"),
        (("indexes",), {"POSTHORN_MONGO_URL": "mongodb://127.0.0.1:1/?directConnection=true"}, 1, "MongoDB"),
    ],
)
async def test_what_is_missing_is_said_in_one_line(
    posthorn: Command, arguments: tuple[str, ...], environ: dict[str, str | None], code: int, said: str
) -> None:
    assert_told(await posthorn(*arguments, **environ), code, said)


@pytest.fixture
def levels() -> Iterator[None]:
    """The levels that the command has its own process's loggers at are not those of the tests after it."""
    before = {name: logging.getLogger(name).level for name in ("aiokafka", "asyncio", "faststream")}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("levels")
@pytest.mark.parametrize(
    ("arguments", "environ", "code", "said"),
    [
        (("topics",), {"POSTHORN_PEPPER": None}, 1, "POSTHORN_PEPPER"),
        (("run", "postman"), {}, 2, "no service 'postman'"),
        (("run", "suppression:cook"), {}, 2, "no role cook"),
        (("dlq", "list", "mail.lost"), {}, 2, "no topic mail.lost"),
        (("dlq", "replay", EVENTS), {}, 2, "--key KEY or --all"),
    ],
)
async def test_what_is_asked_wrongly_is_said_in_one_line_before_any_server_is_asked(
    posthorn: Command, arguments: tuple[str, ...], environ: dict[str, str | None], code: int, said: str
) -> None:
    """In this process: one of its own takes a second and more to begin."""
    nowhere = {"POSTHORN_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    assert_told(await posthorn.here(*arguments, **nowhere, **environ), code, said)


async def test_openapi_prints_the_document_of_all_services_and_needs_no_server(posthorn: Command) -> None:
    code, out, err = await posthorn("openapi", POSTHORN_MONGO_URL="mongodb://127.0.0.1:1/?replicaSet=rs0")
    assert (code, err) == (0, "")
    document = json.loads(out)
    paths = {"/v1/emails", "/v1/send", "/u/{token}", "/v1/routes/default", "/v1/suppressions", "/v1/webhooks"}
    assert paths <= document["paths"].keys()
    assert document["openapi"].startswith("3.1")


async def test_one_service_serves_the_document_of_all_that_the_command_wrote(
    posthorn: Command, deployment: Deployment, tmp_path: Path
) -> None:
    file = tmp_path / "openapi.json"
    assert await posthorn("openapi", "--into", str(file)) == (0, "", "")
    await deployment.prepare("router", topics=())
    async with (
        running(deployment, "router:http", tmp_path / "log", openapi_file=file) as process,
        httpx.AsyncClient(base_url=process.base_url) as http,
    ):
        document = (await http.get("/openapi.json")).json()
    assert document == json.loads(file.read_text())
    assert {"/v1/emails", "/v1/routes/default"} <= document["paths"].keys()
