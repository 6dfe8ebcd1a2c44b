"""The suppression service's part of the `posthorn` command."""

from __future__ import annotations

import typer

from services.suppression.suppressions_command.command import app


def register(root: typer.Typer) -> None:
    root.add_typer(app, name="suppressions")
