"""`posthorn people`: all that is held of one person, and its erasure, through the API of all services."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer

from services.suppression.erasing.certificate import State
from shared.api_client import ApiClient
from shared.terminal import Url, asking, fail

PARTS = ("messages", "contacts", "contact-events", "suppressions", "deliveries", "webhooks")
POLL_SECONDS = 1.0

app = typer.Typer(help="What is held of a person: all of it to take along, and its erasure.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(help="the person's mail address")]
Key = Annotated[
    str | None,
    typer.Option(
        envvar=["POSTHORN_API_KEY", "POSTHORN_OPERATOR_TOKEN"],
        help="a workspace's API key with the scope admin; for `erase --everywhere` the operator's token",
    ),
]


@app.callback()
def people(context: typer.Context, url: Url = "http://127.0.0.1:8080", key: Key = None) -> None:
    """What is held of a person."""
    if not key:
        fail("no key: give --key, POSTHORN_API_KEY or POSTHORN_OPERATOR_TOKEN", 2)
    context.obj = lambda: ApiClient(url, key)


@app.command()
def export(context: typer.Context, address: Address) -> None:
    """Print all that the workspace holds of a person, as one JSON document."""
    with asking(context.obj) as client:
        held = {part.replace("-", "_"): list(_all(client, f"/v1/people/{part}/{quote(address)}")) for part in PARTS}
    typer.echo(orjson.dumps({"address": address, **held}, option=orjson.OPT_INDENT_2).decode())


@app.command()
def erase(
    context: typer.Context,
    address: Address,
    reason: Annotated[str | None, typer.Option(help="kept with the certificate: a case number, and no name")] = None,
    everywhere: Annotated[bool, typer.Option(help="in every workspace (the operator)")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="return once every service has confirmed")] = True,
) -> None:
    """Erase all that is held of a person; print the certificate."""
    path = "/v1/platform/erasures" if everywhere else "/v1/erasures"
    with asking(context.obj) as client:
        certificate = client.ask("POST", path, {"email": address, **({"reason": reason} if reason else {})})
        if wait:
            certificate = _waited(lambda: client.ask("GET", f"{path}/{certificate['id']}"))
    typer.echo(orjson.dumps(certificate, option=orjson.OPT_INDENT_2).decode())


@app.command()
def certificate(
    context: typer.Context,
    erasure: Annotated[str, typer.Argument(help="the erasure's id")],
    everywhere: Annotated[bool, typer.Option(help="one in every workspace (the operator)")] = False,
) -> None:
    """Print the certificate of an erasure."""
    with asking(context.obj) as client:
        found = client.ask("GET", f"{'/v1/platform' if everywhere else '/v1'}/erasures/{quote(erasure)}")
    typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


def _all(client: ApiClient, path: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = client.ask("GET", path, query={"limit": 100, "cursor": cursor})
        yield from page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _waited(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    while (found := look())["state"] == State.RUNNING:
        time.sleep(POLL_SECONDS)
    return found
