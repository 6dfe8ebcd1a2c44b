"""What the commands that ask the API have in common: how they ask, show what they find, and say what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table

from shared.api_client import ApiClient, RefusedError

C = TypeVar("C", bound=ApiClient)

Url = Annotated[str, typer.Option(envvar="POSTHORN_PUBLIC_URL", help="where the API is")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")]


@contextmanager
def asking(made: Callable[[], C]) -> Iterator[C]:
    """A client; what is refused ends the command with one line that says what."""
    try:
        with made() as client:
            yield client
    except RefusedError as error:
        fail(str(error))


def show(found: Any, as_json: bool, made: Callable[[], list[Table]], page: Any = None) -> None:
    """Prints what was found as JSON or as tables, and for a page how the next one is asked for."""
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for table in made():
        console.print(table)
    if page is not None and page["has_more"]:
        typer.echo(f"more: --cursor {page['next_cursor']}", err=True)


def table_of(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> Table:
    table = Table(*columns, box=None, title=title, title_justify="left")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    return table


def fail(text: str, code: int = 1) -> NoReturn:
    typer.echo(f"posthorn: {text}", err=True)
    sys.exit(code)
