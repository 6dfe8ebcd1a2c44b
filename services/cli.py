"""The `posthorn` command: those that start and set up services, each service's own, and a checkout's local stack's.

All of them are there at each call: what a command alone needs, it imports when it is called.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import typer

from services import commands, keys_command, people_command
from services.access import commands as access
from services.doctor.command import doctor
from services.resealing.command import reseal
from services.roles import SERVICES

app = typer.Typer(
    help="Posthorn: transactional e-mail of your own.", no_args_is_help=True, pretty_exceptions_enable=False
)


def mount_services(root: typer.Typer) -> None:
    """Add each `services/<name>/commands.py`: its `register(root)` adds commands, or its `app` is `posthorn <name>`."""
    for name in SERVICES:
        if find_spec(f"services.{name}.commands") is None:
            continue
        module = import_module(f"services.{name}.commands")
        if hasattr(module, "register"):
            module.register(root)
        else:
            root.add_typer(module.app, name=name)


def mount_local_stack(root: typer.Typer) -> None:
    """Add the commands of the local stack where there is one to command: an image is made without `deploy`.

    Settings come from the environment then, and after it from the local stack of this checkout.
    """
    if find_spec("deploy") is None:
        return
    from deploy.local import commands as local
    from deploy.local.environment import default_home, load_env

    # These make the local stack's environment; reading what an earlier one wrote would hide what the caller wants now.
    own = {command.callback.__name__ for command in local.app.registered_commands if command.callback}

    @root.callback()
    def settle_environment(context: typer.Context) -> None:
        if context.invoked_subcommand not in own:
            load_env(default_home())

    root.add_typer(local.app)


mount_local_stack(app)
app.add_typer(commands.app)
app.command("keys")(keys_command.keys)
app.add_typer(people_command.app, name="people")
app.add_typer(access.app, name="access")
app.command("doctor")(doctor)
app.command("reseal")(reseal)
mount_services(app)

if __name__ == "__main__":
    app()
