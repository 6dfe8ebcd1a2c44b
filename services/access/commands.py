"""`posthorn access`: what each user may do, and the users themselves, made by an administrator."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Column, Table

from services.roles import SERVICES, parse_spec

app = typer.Typer(help="The rights that each service's user needs at Kafka and MongoDB.", no_args_is_help=True)

Specs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SERVICE[:ROLE,…]…|operator]",
        help="what one process runs, for --user; none: a user for each service and one for the operator. A service's "
        "rights are those of all its roles",
    ),
]
User = Annotated[str | None, typer.Option(help="the user of that process")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")]
Apply = Annotated[bool, typer.Option(help="make it so, as the administrator whom the connection's settings name")]
Passwords = Annotated[
    Path | None,
    typer.Option(
        envvar="POSTHORN_PASSWORDS", help="folder with a file for each user; else POSTHORN_PASSWORD_OF_<USER> says it"
    ),
]
Users = Annotated[bool, typer.Option("--users/--no-users", help="make the users too, and set their passwords")]


@app.command()
def kafka(
    specs: Specs = None,
    user: User = None,
    as_json: Json = False,
    apply: Apply = False,
    passwords: Passwords = None,
    users: Users = True,
) -> None:
    """The ACLs of each user; with --apply exactly these are made, others of the same users taken away."""
    from services.access import kafka as server
    from services.access.acls import acls_of, listed
    from services.access.rights import rights_of
    from services.access.scram import MECHANISMS
    from services.commands import fail, told
    from shared.connections import ConnectionSettings

    with told():
        settings = ConnectionSettings()
        wanted = {name: acls_of(rights_of(parts), settings) for name, parts in _users(specs, user).items()}
        if not apply:
            rows = [(name, acl.kind, acl.name, acl.operation) for name, acls in wanted.items() for acl in acls]
            _show([listed(name, acls) for name, acls in wanted.items()], rows, as_json)
            return
        if users and settings.kafka_sasl_mechanism not in MECHANISMS:
            fail(
                f"{settings.kafka_sasl_mechanism} has its users at the brokers: make them there, and use --no-users", 2
            )
        known = _passwords(wanted, passwords) if users else {}
        changed = asyncio.run(server.apply(settings, wanted, known))
    typer.echo(f"{len(wanted)} users: {changed.made} ACLs made, {changed.removed} taken away")


@app.command()
def mongo(
    specs: Specs = None,
    user: User = None,
    as_json: Json = False,
    apply: Apply = False,
    passwords: Passwords = None,
    users: Users = True,
) -> None:
    """The role of each user; with --apply roles and users are made, or become what they should be."""
    from services.access import mongo as server
    from services.access.rights import rights_of
    from services.commands import told
    from shared.connections import ConnectionSettings

    with told():
        settings = ConnectionSettings()
        wanted = {name: server.privileges_of(rights_of(parts), settings) for name, parts in _users(specs, user).items()}
        if not apply:
            rows = [
                (name, each["resource"]["db"], each["resource"]["collection"] or "(all)", ", ".join(each["actions"]))
                for name, some in wanted.items()
                for each in some
            ]
            _show([{"user": name, "role": name, "privileges": some} for name, some in wanted.items()], rows, as_json)
            return
        server.apply(settings, wanted, _passwords(wanted, passwords) if users else {})
    typer.echo(f"{len(wanted)} roles{' and users' if users else ''} are as they should be")


def _users(specs: list[str] | None, user: str | None) -> dict[str, list[str]]:
    """By user, the services whose rights it has."""
    from services.access.rights import OPERATOR
    from services.commands import fail

    if bool(specs) != bool(user):
        fail("say what a process runs and its --user, or neither", 2)
    if not specs or not user:
        return {f"posthorn-{name}": [name] for name in (*SERVICES, OPERATOR)}
    return {user: [spec if spec == OPERATOR else parse_spec(spec)[0] for spec in specs]}


def _passwords(users: Any, folder: Path | None) -> dict[str, str]:
    from services.access.passwords import NoPasswordError, passwords_of
    from services.commands import fail

    try:
        return passwords_of(users, folder, os.environ)
    except (NoPasswordError, OSError) as error:
        fail(str(error), 2)


def _show(documents: list[dict[str, Any]], rows: Sequence[tuple[str, ...]], as_json: bool) -> None:
    if as_json:
        typer.echo(orjson.dumps(documents, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table(*(Column(head, no_wrap=True) for head in ("user", "of", "name", "may")), box=None)
    for row in rows:
        table.add_row(*row)
    Console(soft_wrap=True, highlight=False, markup=False).print(table)
