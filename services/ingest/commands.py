"""Ingest's part of the `posthorn` command: the first workspace of a running stack, and the read model made again."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

import typer

from services.ingest.trace_command.command import trace


def register(root: typer.Typer) -> None:
    root.command("bootstrap")(bootstrap)
    root.command("rebuild")(rebuild)
    root.command("trace")(trace)


def bootstrap(
    name: Annotated[str, typer.Argument(help="the workspace's name")],
    sender: Annotated[str, typer.Option(help="its first sender, `a@b` or `Name <a@b>`")],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output, nothing else")] = False,
) -> None:
    """Make a workspace with an API key and a verified sender, and wait until every service knows them."""
    from pydantic import ValidationError
    from pymongo.errors import PyMongoError

    from services.ingest.bootstrap import NotKnownError, wait_until_known
    from services.ingest.bootstrap import bootstrap as make
    from services.ingest.settings import Settings
    from services.ingest.store.domains import NameTakenError
    from shared.addresses import InvalidAddressError, parse_mailbox
    from shared.telemetry.logging import setup_logging

    setup_logging("ingest", "WARNING")
    try:
        settings = Settings()
        made = asyncio.run(make(name, parse_mailbox(sender), settings))
        _publish_dkim(settings.profile, made.dkim_name, made.dkim_text)
        asyncio.run(wait_until_known(made.made, settings))
    except ValidationError as error:
        names = ", ".join(f"POSTHORN_{str(fault['loc'][0]).upper()}" for fault in error.errors())
        _fail(f"settings are missing or wrong: {names}. Is there a stack? Try `posthorn up`.")
    except InvalidAddressError as error:
        _fail(f"--sender {error}")
    except NameTakenError as error:
        _fail(f"another workspace has the domain {error} verified")
    except PyMongoError as error:
        _fail(f"MongoDB cannot be reached ({type(error).__name__}). Is the stack up? Try `posthorn status`.")
    except NotKnownError as error:
        _fail(f"{error}. Is the whole stack up? Try `posthorn status`.")
    result: dict[str, Any] = {
        "base_url": settings.public_url,
        "workspace": made.workspace_id,
        "api_key": made.api_key,
        "sender": made.sender,
        "smtp": {
            "host": settings.smtp_public_host or urlsplit(settings.public_url).hostname,
            "port": settings.smtp_port,
            "user": made.smtp_user,
            "password": made.smtp_password,
        },
        "sink_url": os.environ.get("POSTHORN_SINK_URL"),
        "receiver_url": os.environ.get("POSTHORN_RECEIVER_URL"),
        "console_url": f"{settings.public_url}/console",
    }
    if as_json:
        typer.echo(json.dumps(result))
        return
    smtp = "{host}:{port} with STARTTLS, user {user}, password {password}".format(**result["smtp"])
    shown = {**result, "smtp": smtp, "DKIM record": f"{made.dkim_name} TXT {made.dkim_text}"}
    for label, value in shown.items():
        typer.echo(f"{label:>12}  {value}", err=True)


def rebuild(
    into: Annotated[str, typer.Option(help="the collection of ingest's database to fold into")] = "messages",
    workspace: Annotated[str | None, typer.Option(help="only this workspace's messages (its id)")] = None,
    since: Annotated[datetime | None, typer.Option(help="only records published then or later (UTC)")] = None,
) -> None:
    """Fold every record on Kafka into the read model again. It may run beside the projector: what is there stays."""
    from services.commands import told
    from services.ingest.projection.rebuild import rebuild as run
    from services.ingest.settings import Settings
    from shared.telemetry.logging import setup_logging

    setup_logging("ingest", "WARNING")
    with told():
        rebuilt = asyncio.run(run(Settings(), into, workspace, since.replace(tzinfo=UTC) if since else None))
    left_out = f", {rebuilt.refused} of them left out as the projector does" if rebuilt.refused else ""
    typer.echo(f"read {rebuilt.records} records{left_out}; changed documents {rebuilt.changes} times")


def _publish_dkim(profile: str, name: str, text: str) -> None:
    """The local stack's own name server answers for the domain; elsewhere the record is for its owner to publish."""
    if profile == "local" and find_spec("deploy"):
        from deploy.local.dns import publish_txt
        from deploy.local.environment import default_home

        publish_txt(default_home(), name, text)


def _fail(text: str) -> NoReturn:
    typer.echo(f"posthorn: {text}", err=True)
    raise typer.Exit(1)
