"""`posthorn up`, `down`, `status`, `logs` and `publish`: the local stack from the command line."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local.environment import default_home
from deploy.local.errors import LocalError, StartError

if TYPE_CHECKING:
    from deploy.local.stack import Stack

app = typer.Typer(help="The local stack.")
progress = Console(stderr=True, highlight=False)


@app.command()
def up(
    only: Annotated[list[str] | None, typer.Argument(help="parts to start; all by default")] = None,
) -> None:
    """Install what is missing and start everything that does not run."""
    began = time.monotonic()
    with _told("starting") as stack:
        stack.up(only or None)
    seconds = time.monotonic() - began
    progress.print(f"[green]up[/] in {seconds:.1f} s: API {stack.http_url}  mail {stack.sink_url}/messages")


@app.command()
def down() -> None:
    """Stop everything; state and logs stay."""
    with _told("stopping") as stack:
        stack.down()
    progress.print("[green]down[/]")


@app.command()
def status() -> None:
    """Show what runs; exit code 0 only if everything is ready."""
    with _told("looking") as stack:
        rows = stack.status()
    table = Table("name", "pid", "port", "state", "uptime", box=None)
    for row in rows:
        colour = {"ready": "green", "external": "cyan", "starting": "yellow"}.get(row.state, "red")
        uptime = "" if row.uptime is None else f"{row.uptime:.0f} s"
        table.add_row(row.name, str(row.pid or ""), str(row.port or ""), f"[{colour}]{row.state}[/]", uptime)
    Console().print(table)
    raise typer.Exit(0 if all(row.state in ("ready", "external") for row in rows) else 1)


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="one part; all by default")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on as they grow")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="last lines of each")] = 50,
) -> None:
    """Show the ends of the logs."""
    with _told("looking") as stack:
        files = [stack.log_file(each) for each in ([name] if name else stack.names)]
    existing = [file for file in files if file.exists()]
    for file in existing:
        for line in file.read_bytes().decode(errors="replace").splitlines()[-lines:]:
            print(_labelled(file, line, len(existing)))
    if follow:
        with contextlib.suppress(KeyboardInterrupt):
            _follow(existing)


@app.command()
def publish(
    name: Annotated[str, typer.Argument(help="the record's name, e.g. _posthorn.shop.test")],
    text: Annotated[str, typer.Argument(help="its text")],
) -> None:
    """Publish a TXT record at the stack's own name server, as a domain's owner does at theirs."""
    from deploy.local.dns import publish_txt

    publish_txt(default_home(), name, text)


def _follow(files: list[Path]) -> None:
    handles = {file: file.open("r", errors="replace") for file in files}
    for handle in handles.values():
        handle.seek(0, os.SEEK_END)
    while True:
        grown = False
        for file, handle in handles.items():
            for line in handle:
                grown = True
                print(_labelled(file, line.rstrip("\n"), len(files)), flush=True)
        if not grown:
            time.sleep(0.2)


def _labelled(file: Path, line: str, shown: int) -> str:
    return f"{file.stem:<12} {line}" if shown > 1 else line


@contextlib.contextmanager
def _told(doing: str) -> Iterator[Stack]:
    """The stack of this checkout, its steps shown on stderr; what goes wrong ends the command in words."""
    from deploy.local.stack import Stack

    try:
        with progress.status(f"{doing} …") as shown:

            def say(text: str) -> None:
                shown.update(f"{text} …")
                progress.print(f"  {text}", markup=False)

            yield Stack(default_home(), say=say)
    except LocalError as error:
        if isinstance(error, StartError) and error.log_tail:
            progress.print(error.log_tail, markup=False, style="dim", soft_wrap=True)
        progress.print(f"posthorn: {error}", markup=False, style="red", soft_wrap=True)
        sys.exit(1)
