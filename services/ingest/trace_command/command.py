"""The command: asks for the message and its timeline, and prints them."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

import orjson
import typer

from shared.api_client import ApiClient, RefusedError
from shared.terminal import Url, asking, fail

WIDEST = 120
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def trace(
    message: Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="the message's id")],
    url: Url = "http://127.0.0.1:8080",
    key: Annotated[
        str | None, typer.Option(envvar="POSTHORN_API_KEY", help="an API key of its workspace, scope email.history")
    ] = None,
    trace_url: Annotated[
        str | None,
        typer.Option(envvar="POSTHORN_TRACE_URL", help="where a trace is shown, with {trace_id} in it"),
    ] = None,
    transcript: Annotated[
        bool, typer.Option("--transcript", help="what was said in every attempt, not in failed ones alone")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the message and its timeline as one JSON document")] = False,
) -> None:
    """Print what happened to a message: every stage with its decision, every attempt, every webhook, and its trace."""
    from services.ingest.console.message import trace_url_of
    from services.ingest.trace_command.words import lines_of

    if not key:
        fail("no key: give --key or POSTHORN_API_KEY, of the message's workspace", 2)
    id_ = message.strip().lower()
    if not UUID.fullmatch(id_):
        fail(f"{message} is no message id: it is a UUID, as replies, webhooks and the console have it", 2)
    with asking(lambda: ApiClient(url, key)) as client:
        try:
            view = client.ask("GET", f"/v1/emails/{quote(id_)}")
            timeline = client.ask("GET", f"/v1/emails/{quote(id_)}/trace")["data"]
        except RefusedError as error:
            _explain(error, id_)
            raise
    link = trace_url_of(trace_url, view["trace_id"])
    if as_json:
        document = {"message": view, "timeline": timeline, "trace_url": link}
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    from rich.console import Console

    for line in lines_of(view, timeline, min(Console().width, WIDEST) - 26, link, talk=transcript):
        typer.echo(line)


def _explain(error: RefusedError, id_: str) -> None:
    """What a refusal means here; returns where there is nothing to add."""
    match error.status:
        case 404:
            fail(f"the key's workspace has no message {id_}: it is of another one, or older than what is kept")
        case 401:
            fail("the API does not know the key")
        case 403:
            fail("the key may not read messages: it needs the scope email.history")
