"""The webhooks service's part of the `posthorn` command."""

from __future__ import annotations

import typer

from services.webhooks.webhooks_command.command import app as webhooks


def register(root: typer.Typer) -> None:
    root.add_typer(webhooks, name="webhooks")
