"""`posthorn keys DIRECTORY`: the keys that every process needs, made once, as files for `POSTHORN_SECRETS_DIR`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from shared.secrets import SECRET_NAMES, new_secret

READABLE = 0o440  # the services may run as another user than who makes the files, with its group


def keys(folder: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="where the files are")]) -> None:
    """Make the files of the keys and the operator's token that are missing; what is there stays as it is."""
    if not folder.is_dir():
        typer.echo(f"posthorn: {folder} is not a directory", err=True)
        raise typer.Exit(1)
    for name in SECRET_NAMES:
        file = folder / name.lower()
        if _make(file, new_secret(name)):
            typer.echo(str(file))


def _make(file: Path, text: str) -> bool:
    """Whether the file was missing and is now there, whole: another process may be making it, or die while it does."""
    handle, unfinished = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "w") as written:
            written.write(text)
        Path(unfinished).chmod(READABLE)
        file.hardlink_to(unfinished)
    except FileExistsError:
        return False
    finally:
        Path(unfinished).unlink()
    return True
