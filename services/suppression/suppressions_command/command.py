"""`posthorn suppressions`: addresses that get no mail, through the API."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer

from services.suppression.suppressions_command import tables
from services.suppression.suppressions_command.client import RefusedError, SuppressionsClient
from services.suppression.suppressions_command.importing import StoppedError, import_file

AT_ONCE = 1_000
app = typer.Typer(help="Addresses that get no mail: add, remove, check and list them, import and export files.")

Url = Annotated[str, typer.Option(envvar="POSTHORN_PUBLIC_URL", help="where the API is")]
Key = Annotated[str | None, typer.Option(envvar="POSTHORN_API_KEY", help="a workspace's API key")]
Operator = Annotated[str | None, typer.Option(envvar="POSTHORN_OPERATOR_TOKEN", help="the operator's token")]
Platform = Annotated[bool, typer.Option("--platform", help="those of every workspace (the operator)")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table")]
Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="addresses", show_default=False)]
Type = Annotated[str, typer.Option(help="bounce, complaint, manual or unsubscribe")]
Reason = Annotated[str | None, typer.Option(help="why, in your words")]
Domain = Annotated[str | None, typer.Option(help="for mail from this domain alone")]
Stream = Annotated[str | None, typer.Option(help="for mail of this stream alone")]


@app.callback()
def suppressions(
    context: typer.Context,
    url: Url = "http://127.0.0.1:8080",
    key: Key = None,
    operator_token: Operator = None,
    platform: Platform = False,
) -> None:
    """Addresses that get no mail."""
    token = operator_token if platform else key
    if not token:
        _fail(f"no key: give {'--operator-token' if platform else '--key or POSTHORN_API_KEY'}", 2)
    context.obj = lambda: SuppressionsClient(url, token, platform=platform)


@app.command("list")
def list_suppressions(
    context: typer.Context,
    search: Annotated[str | None, typer.Option(help="an address, or what stands before or after its @")] = None,
    type: Annotated[list[str] | None, typer.Option(help="only of this type")] = None,
    page: Annotated[int, typer.Option(min=1)] = 1,
    per_page: Annotated[int, typer.Option(min=1, max=100)] = 25,
    as_json: Json = False,
) -> None:
    """List suppressions, newest first."""
    query = {"page": page, "per_page": per_page, "search": search, "filters": _filters(type)}
    with _asking(context) as client:
        found = client.get(**{name: value for name, value in query.items() if value is not None})
    _print(found, as_json, tables.entries(found["data"]))
    if not as_json and found["meta"]["has_next"]:
        typer.echo(f"more: --page {page + 1} of {found['meta']['last_page']}", err=True)


@app.command()
def add(
    context: typer.Context,
    addresses: Addresses,
    type: Type = "manual",
    reason: Reason = None,
    domain: Domain = None,
    stream: Stream = None,
    as_json: Json = False,
) -> None:
    """Suppress addresses."""
    more = {"type": type, "reason": reason, **_scope(domain, stream)}
    items = [{"email": address, **_given(more)} for address in addresses]
    _change(context, "add", items, as_json)


@app.command()
def remove(
    context: typer.Context,
    addresses: Addresses,
    reason: Reason = None,
    domain: Domain = None,
    stream: Stream = None,
    as_json: Json = False,
) -> None:
    """Let addresses get mail again. One that complained needs a reason."""
    more = {"reason": reason, **_scope(domain, stream)}
    items = [{"email": address, **_given(more)} for address in addresses]
    _change(context, "remove", items, as_json)


@app.command()
def check(
    context: typer.Context,
    addresses: Addresses,
    sender: Annotated[str | None, typer.Option("--from", help="for mail from this address")] = None,
    stream: Annotated[str | None, typer.Option(help="for mail of this stream")] = None,
    as_json: Json = False,
) -> None:
    """Say what mail to addresses would come to now."""
    found: list[dict[str, Any]] = []
    with _asking(context) as client:
        for begin in range(0, len(addresses), AT_ONCE):
            body = _given({"emails": addresses[begin : begin + AT_ONCE], "from": sender, "stream": stream})
            found += client.post("/check", body)
    _print(found, as_json, tables.verdicts(found))


@app.command("import")
def import_csv(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="a CSV file")],
    type: Type = "manual",
    reason: Reason = None,
    domain: Domain = None,
    stream: Stream = None,
    from_line: Annotated[int, typer.Option(min=1, help="go on from this line of the file")] = 1,
    as_json: Json = False,
) -> None:
    """Import a CSV file of any length; again, it changes nothing. The options are for rows that do not say."""
    defaults = _given({"type": type, "reason": reason, **_scope(domain, stream)})
    try:
        with _asking(context) as client:
            summary = import_file(client, file, defaults, from_line)
    except StoppedError as error:
        _fail(str(error))
    _print(summary, as_json, tables.summary(summary))


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(dir_okay=False, help="where to; none: standard output")] = None,
    type: Annotated[list[str] | None, typer.Option(help="only of this type")] = None,
) -> None:
    """Export suppressions as CSV."""
    with _asking(context) as client:
        pieces = client.give(_filters(type))
        if file is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            return
        with file.open("wb") as to:
            for piece in pieces:
                to.write(piece)


def _change(context: typer.Context, what: str, items: list[dict[str, Any]], as_json: bool) -> None:
    """One line for each address; the command fails where one was refused."""
    results: list[dict[str, Any]] = []
    with _asking(context) as client:
        for begin in range(0, len(items), AT_ONCE):
            results += client.post("/bulk", {what: items[begin : begin + AT_ONCE]})[what]
    told = [{"email": item["email"], **result} for item, result in zip(items, results, strict=True)]
    _print(told, as_json, tables.results(told))
    if any(result["status"] >= 400 for result in results):
        sys.exit(1)


def _scope(domain: str | None, stream: str | None) -> dict[str, str | None]:
    scope = "domain" if domain else "stream" if stream else None
    return {"scope": scope, "domain": domain, "stream": stream}


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _filters(types: list[str] | None) -> str | None:
    return orjson.dumps([{"id": "type", "value": types}]).decode() if types else None


@contextmanager
def _asking(context: typer.Context) -> Iterator[SuppressionsClient]:
    """What is refused ends the command with one line that says what."""
    try:
        with context.obj() as client:
            yield client
    except RefusedError as error:
        _fail(str(error))


def _print(found: Any, as_json: bool, table: Any) -> None:
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        tables.show(table)


def _fail(text: str, code: int = 1) -> NoReturn:
    typer.echo(f"posthorn: {text}", err=True)
    sys.exit(code)
