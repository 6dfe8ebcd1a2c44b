"""Passwords of the users that are made: from files or the environment, never from a command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path


class NoPasswordError(Exception):
    """A user has none, or an empty one."""


def passwords_of(users: Iterable[str], folder: Path | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Of each user: the first line of the file of its name in `folder`, else the variable that `variable_of` names.

    Raises NoPasswordError, OSError.
    """
    return {user: _password(user, folder, environ) for user in users}


def variable_of(user: str) -> str:
    """E.g. POSTHORN_PASSWORD_OF_POSTHORN_SENDER."""
    return f"POSTHORN_PASSWORD_OF_{user.upper().replace('-', '_').replace('.', '_')}"


def _password(user: str, folder: Path | None, environ: Mapping[str, str]) -> str:
    file = folder / user if folder is not None else None
    if file is not None and file.exists():
        password = next(iter(file.read_text().splitlines()), "")
    else:
        password = environ.get(variable_of(user), "")
    if not password:
        where = f"{file} or {variable_of(user)}" if file is not None else variable_of(user)
        raise NoPasswordError(f"{user} has no password: put it into {where}")
    return password
