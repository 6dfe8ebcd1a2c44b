"""What `posthorn routes` does: prints, asks, and ends with what it has found."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from services.router.routes_command import printing
from services.router.routes_command.applying import apply as apply_plan
from services.router.routes_command.applying import passwords_of
from services.router.routes_command.moments import moment_of
from services.router.routes_command.plan import Plan
from services.router.routes_command.planning import plan_of
from services.router.routes_command.present import RoutesClient
from services.router.routes_command.rule_plan import file_path
from services.router.routes_command.showing import file_of
from services.router.routes_command.yaml_file import Document, FileError, read_document
from shared.api_client import RefusedError
from shared.terminal import fail
from shared.terminal import show as show_found

CHANGES, WRONG = 2, 1


def show(url: str, key: str | None, platform: bool) -> None:
    """Prints what is there as a file that, applied, changes nothing."""
    with _told(), _client(url, key, platform) as client:
        typer.echo(file_of(client.present()), nl=False)


def diff(file: Path, url: str, key: str | None, platform: bool, *, prune: bool, passwords: bool) -> None:
    """Prints what applying a file would change, and exits with 2 where that is anything."""
    with _told(), _client(url, key, platform) as client:
        plan = plan_of(read_document(file), client.present(), prune=prune, passwords=passwords)
    _print(plan)
    if plan.changes:
        sys.exit(CHANGES)


def apply(file: Path, url: str, key: str | None, platform: bool, *, prune: bool, passwords: bool, yes: bool) -> None:
    """Applies a file once it was agreed to."""
    with _told(), _client(url, key, platform) as client:
        document = read_document(file)
        plan = plan_of(document, client.present(), prune=prune, passwords=passwords)
        _print(plan)
        if not plan.changes:
            return
        try:
            secrets = passwords_of(plan, os.environ)
        except KeyError as error:
            fail(f"{file}: the variable {error.args[0]} is not set; nothing was changed")
        if not yes and not typer.confirm("Apply this?", default=False):
            fail("nothing was changed")
        _carry_out(plan, client, secrets, document)


def replay(
    since: str, until: str | None, file: Path | None, limit: int, url: str, key: str | None, platform: bool,
    *, as_json: bool,
) -> None:  # fmt: skip
    """Prints which past decisions would be others under a draft, or under the present rules."""
    with _told(), _client(url, key, platform) as client:
        body: dict[str, Any] = {"since": _moment(since), "limit": limit}
        if until is not None:
            body["until"] = _moment(until)
        document = read_document(file) if file is not None else Document("the present rules", {}, {(): 1})
        plan = plan_of(document, client.present())
        if missing := [step.label for step in plan.transports if step.act == "create"]:
            fail(f"{file}: there is no transport {', '.join(missing)} yet: a draft names those that are there")
        if plan.rules is not None:
            body["draft"] = plan.draft
        found = client.replay(body)
    show_found(found, as_json, lambda: printing.replay_tables(found, plan.labels))
    if not as_json:
        typer.echo(printing.replay_summary(found))


def _carry_out(plan: Plan, client: RoutesClient, secrets: dict[str, str], document: Document) -> None:
    done = 0
    try:
        for line in apply_plan(plan, client, secrets):
            typer.echo(line)
            done += 1
    except RefusedError as error:
        for fault in error.faults:
            typer.echo(f"posthorn: {document.fault(file_path(fault.pointer), fault.detail)}", err=True)
        fail(f"{error}; {f'what stands above was done ({done})' if done else 'nothing was changed'}")


def _print(plan: Plan) -> None:
    console = printing.console()
    for line in printing.plan_lines(plan):
        console.print(line)


def _client(url: str, key: str | None, platform: bool) -> RoutesClient:
    variable = "POSTHORN_OPERATOR_TOKEN" if platform else "POSTHORN_API_KEY"
    token = key or os.environ.get(variable)
    if not token:
        fail(f"no key: give --key or {variable}")
    return RoutesClient(url, token, platform=platform)


def _moment(text: str) -> str:
    try:
        return moment_of(text)
    except ValueError as error:
        fail(str(error))


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong or refused ends the command with 1, a line for each fault."""
    try:
        yield
    except FileError as error:
        for fault in error.faults:
            typer.echo(f"posthorn: {fault}", err=True)
        sys.exit(WRONG)
    except RefusedError as error:
        fail(str(error))
