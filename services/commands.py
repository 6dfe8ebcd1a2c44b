"""The parts of the `posthorn` command that belong to no one service: run, openapi, topics, indexes, dlq."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.roles import SERVICES, UnknownRoleError, parse_spec
from shared.contracts.topics import LIVE, all_topics, dead_letters

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from shared.settings import SharedSettings

T = TypeVar("T")
app = typer.Typer()
dlq = typer.Typer(help="Dead letters: records that could not be processed.", no_args_is_help=True)
app.add_typer(dlq, name="dlq")

Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")]
Topic = Annotated[str, typer.Argument(help="the topic that the records came from")]


@app.command()
def run(specs: Annotated[list[str], typer.Argument(metavar="SERVICE[:ROLE,…]…", help="what runs here")]) -> None:
    """Run any set of services and roles in this process."""
    from services.run import main

    with told():
        for name, _ in map(parse_spec, specs):
            import_module(f"services.{name}.settings").Settings()
    main(specs)


@app.command()
def openapi(
    into: Annotated[Path | None, typer.Option(help="a file to write it to, for POSTHORN_OPENAPI_FILE")] = None,
) -> None:
    """Print the OpenAPI document of all services, as one process with all their http roles serves it."""
    from services.run import api_of, compose
    from shared.settings import SharedSettings

    with told():
        api = api_of(compose([f"{name}:http" for name in SERVICES]), SharedSettings())
    assert api is not None
    if into is None:
        _print_json(api.openapi())
    else:
        into.write_bytes(orjson.dumps(api.openapi()))


@app.command()
def topics(as_json: Json = False) -> None:
    """Create the Kafka topics that are missing, and the partitions that others lack; with --json, list all topics."""
    from services.setup import create_topics
    from shared.settings import SharedSettings

    with told():
        settings = SharedSettings()
        made = _now(create_topics(settings))
    if not as_json:
        for name in (*made.created, *(f"{name} (more partitions)" for name in made.grown)):
            typer.echo(name)
        return
    listed = [
        {
            "name": settings.topic(topic.name),
            "partitions": made.partitions[topic.name],
            "retention_ms": topic.retention_ms,
            "created": topic.name in made.created,
        }
        for topic in all_topics(settings.topic_partitions)
    ]
    _print_json(listed)


@app.command()
def indexes() -> None:
    """Create the collections and indexes of every service."""
    from services.setup import create_all_indexes
    from shared.mongo.client import make_client
    from shared.settings import SharedSettings

    async def create(settings: SharedSettings) -> None:
        client = make_client(settings)
        try:
            await create_all_indexes(client, settings)
        finally:
            client.close()

    with told():
        _now(create(SharedSettings()))


@dlq.command("list")
def list_dead_letters(
    topic: Annotated[
        str | None, typer.Argument(help="the topic that the records came from; none: counts of all")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the dead letters of a topic, or how many each topic has."""
    from shared.kafka import dead_letter
    from shared.settings import SharedSettings

    with told():
        settings = SharedSettings()
        if topic is None:
            _print_counts(_now(dead_letter.count_dead_letters(settings, LIVE)), as_json)
            return
        rows = [_row(record) for record in _now(_read(settings, _live(topic)))]
    if as_json:
        _print_json(rows)
        return
    table = Table("where", "key", "reason", "origin", "exception", "when", box=None)
    for row in rows:
        where = f"{row['partition']}/{row['offset']}"
        table.add_row(where, row["key"], row["reason"], row["origin"], row["exception"], row["failed_at"])
    Console(soft_wrap=True, highlight=False, markup=False).print(table)


@dlq.command("replay")
def replay_dead_letters(
    topic: Topic,
    key: Annotated[str | None, typer.Option(help="only the records of this key (a message id)")] = None,
    every: Annotated[bool, typer.Option("--all", help="every record of the topic's dead letters")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="at most so many, oldest first")] = None,
) -> None:
    """Publish dead letters to the topic that they came from. They stay; what was done is recognised."""
    from shared.kafka import dead_letter
    from shared.kafka.publish import Publisher
    from shared.settings import SharedSettings

    if every == (key is not None):
        fail("say which records: --key KEY or --all", 2)

    async def replayed(settings: SharedSettings, name: str) -> int:
        records = await _read(settings, name)
        chosen = [record for record in records if every or (record.key or b"").decode(errors="replace") == key]
        publisher = Publisher(settings, "posthorn-command")
        try:
            return await dead_letter.replay(publisher, name, chosen[:limit])
        finally:
            await publisher.close()

    with told():
        count = _now(replayed(SharedSettings(), _live(topic)))
    typer.echo(f"replayed {count} record{'' if count == 1 else 's'} to {_live(topic)}")


async def _read(settings: SharedSettings, topic: str) -> list[ConsumerRecord]:
    from shared.kafka import dead_letter

    return [record async for record in dead_letter.read_dead_letters(settings, topic)]


def _live(topic: str) -> str:
    name = topic.removesuffix(dead_letters(""))
    if name not in LIVE:
        fail(f"no topic {topic}; there are {', '.join(LIVE)}", 2)
    return name


def _row(record: ConsumerRecord) -> dict[str, Any]:
    from shared.kafka import dead_letter

    headers = dead_letter.text_headers(record)
    return {
        "partition": record.partition,
        "offset": record.offset,
        "key": (record.key or b"").decode(errors="replace"),
        "reason": headers.get(dead_letter.REASON, ""),
        "origin": headers.get(dead_letter.ORIGIN, ""),
        "exception": headers.get(dead_letter.EXCEPTION, ""),
        "group": headers.get(dead_letter.GROUP, ""),
        "failed_at": headers.get(dead_letter.FAILED_AT, ""),
    }


def _print_counts(counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        _print_json(counts)
        return
    for topic, count in Counter(counts).most_common():
        typer.echo(f"{count:>8}  {topic}")


def _print_json(document: Any) -> None:
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _now(act: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(act)


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong outside ends the command with one line that says what."""
    from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
    from pydantic import ValidationError
    from pymongo.errors import PyMongoError

    from shared.kafka.publish import PublishUnknownError

    for name in ("asyncio", "faststream"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    heard = _kafka_heard()
    try:
        yield
    except UnknownRoleError as error:
        fail(str(error), 2)
    except ValidationError as error:
        faults = [f"POSTHORN_{'_'.join(map(str, fault['loc'])).upper()} ({fault['msg']})" for fault in error.errors()]
        fail(f"the environment is not complete: {', '.join(faults)}")
    except UnknownTopicOrPartitionError:
        fail("Kafka has no such topic; `posthorn topics` makes what is missing")
    except (KafkaError, PublishUnknownError) as error:
        fail(f"Kafka does not answer as it should: {error}{heard.said}")
    except PyMongoError as error:
        fail(f"MongoDB does not answer as it should: {str(error).partition(' (configured')[0]}")


class _Heard(logging.Handler):
    """Keeps the last thing that Kafka's client said: its errors say that it did not connect, and not why."""

    said = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.said = f" ({record.getMessage()})"


def _kafka_heard() -> _Heard:
    heard = _Heard(logging.WARNING)
    kafka = logging.getLogger("aiokafka")
    kafka.handlers, kafka.propagate = [heard], False
    return heard


def fail(text: str, code: int = 1) -> NoReturn:
    """Ends the command with one line on standard error."""
    typer.echo(f"posthorn: {text}", err=True)
    sys.exit(code)
