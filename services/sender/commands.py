"""The sender's part of the `posthorn` command."""

from __future__ import annotations

import typer

from services.sender.queue_command.command import app as queue


def register(root: typer.Typer) -> None:
    root.add_typer(queue, name="queue")
