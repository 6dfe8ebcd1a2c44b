"""The `posthorn` command: the local stack's commands, those that start and set up services, and each service's own."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated

import typer

from deploy.local import commands as local
from deploy.local.environment import default_home, load_env

SERVICE_NAMES = ("ingest", "router", "suppression", "sender", "webhooks")
# These make the local stack's environment; reading what an earlier one wrote would hide what the caller wants now.
LOCAL_COMMANDS = {command.callback.__name__ for command in local.app.registered_commands if command.callback}

app = typer.Typer(
    help="Posthorn: transactional e-mail of your own.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback()
def settle_environment(context: typer.Context) -> None:
    """Settings come from the environment, then from the local stack of this checkout, if there is one."""
    if context.invoked_subcommand not in LOCAL_COMMANDS:
        load_env(default_home())


@app.command()
def run(specs: Annotated[list[str], typer.Argument(metavar="SERVICE[:ROLE,…]…", help="what runs here")]) -> None:
    """Run any set of services and roles in this process."""
    from services.run import main

    main(specs)


@app.command()
def topics() -> None:
    """Create the Kafka topics that are missing."""
    from services.setup import create_topics
    from shared.settings import SharedSettings

    for name in asyncio.run(create_topics(SharedSettings())):
        typer.echo(name)


@app.command()
def indexes() -> None:
    """Create the collections and indexes of every service."""
    from services.setup import create_all_indexes
    from shared.mongo.client import make_client
    from shared.settings import SharedSettings

    async def create() -> None:
        settings = SharedSettings()
        client = make_client(settings)
        try:
            await create_all_indexes(client, settings)
        finally:
            client.close()

    asyncio.run(create())


def mount_services(root: typer.Typer) -> None:
    """Add each `services/<name>/commands.py`: its `register(root)` adds commands, or its `app` is `posthorn <name>`."""
    for name in SERVICE_NAMES:
        if find_spec(f"services.{name}.commands") is None:
            continue
        commands = import_module(f"services.{name}.commands")
        if hasattr(commands, "register"):
            commands.register(root)
        else:
            root.add_typer(commands.app, name=name)


app.add_typer(local.app)
mount_services(app)

if __name__ == "__main__":
    app()
