"""The router's part of the `posthorn` command: transports and rules as a reviewed file, and replays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from shared.terminal import Json, Url


class _Group(TyperGroup):
    """A command line that cannot be read ends with 1 as well: 2 says that there are changes."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.Exit:
            raise
        except Exception as error:
            if hasattr(error, "exit_code"):
                error.exit_code = 1
            raise


routes = typer.Typer(
    cls=_Group, no_args_is_help=True, help="Transports and rules as a file: show, diff, apply; past decisions again."
)

File = Annotated[Path, typer.Argument(help="a YAML file of transports, order and rules")]
Key = Annotated[
    str | None,
    typer.Option(
        help="a workspace's API key, with --platform the operator's token; none: POSTHORN_API_KEY or"
        " POSTHORN_OPERATOR_TOKEN"
    ),
]
Platform = Annotated[bool, typer.Option("--platform", help="the platform's own, for the operator")]
Prune = Annotated[bool, typer.Option("--prune", help="delete transports that the file leaves out")]
Passwords = Annotated[bool, typer.Option("--passwords", help="give transports that have a password theirs again")]
HERE = "http://127.0.0.1:8080"


def register(root: typer.Typer) -> None:
    root.add_typer(routes, name="routes")


@routes.command()
def show(url: Url = HERE, key: Key = None, platform: Platform = False) -> None:
    """Print what is there as a file that, applied, changes nothing."""
    from services.router.routes_command import command

    command.show(url, key, platform)


@routes.command()
def diff(
    file: File,
    url: Url = HERE,
    key: Key = None,
    platform: Platform = False,
    prune: Prune = False,
    passwords: Passwords = False,
) -> None:
    """Show what applying a file would change. Ends with 0 for nothing, 2 for changes, 1 where something is wrong."""
    from services.router.routes_command import command

    command.diff(file, url, key, platform, prune=prune, passwords=passwords)


@routes.command()
def apply(
    file: File,
    url: Url = HERE,
    key: Key = None,
    platform: Platform = False,
    prune: Prune = False,
    passwords: Passwords = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Make transports and rules what a file says. Applied again, it changes nothing."""
    from services.router.routes_command import command

    command.apply(file, url, key, platform, prune=prune, passwords=passwords, yes=yes)


@routes.command()
def replay(
    since: Annotated[str, typer.Option(help="a time (RFC 3339), or how long ago: 30m, 2h, 3d")] = "1h",
    until: Annotated[str | None, typer.Option(help="likewise; none: now")] = None,
    file: Annotated[Path | None, typer.Option(help="a draft; none: the present rules")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="so many decisions at most")] = 10_000,
    url: Url = HERE,
    key: Key = None,
    platform: Platform = False,
    as_json: Json = False,
) -> None:
    """Show which past decisions would be others under a draft. Nothing is sent or stored."""
    from services.router.routes_command import command

    command.replay(since, until, file, limit, url, key, platform, as_json=as_json)
