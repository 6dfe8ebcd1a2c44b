"""The `posthorn` command: the local stack's commands, those that start and set up services, and each service's own.

All of them are there at each call: what a command alone needs, it imports when it is called.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import typer

from deploy.access import commands as access
from deploy.local import commands as local
from deploy.local.environment import default_home, load_env
from services import commands, people_command
from services.doctor.command import doctor
from services.roles import SERVICES

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


app.add_typer(local.app)
app.add_typer(commands.app)
app.add_typer(people_command.app, name="people")
app.add_typer(access.app, name="access")
app.command("doctor")(doctor)
mount_services(app)

if __name__ == "__main__":
    app()
