"""Fields of forms as they are sent."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request

from shared.errors import Fault, ProblemError, invalid_request


async def fields_of(request: Request) -> dict[str, str]:
    """A form's texts by their names; files are left out."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


def given(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields that say something, without the space around it; of a password that is a part."""
    said = {name: value for name, value in fields.items() if value.strip()}
    return {name: value if name == "password" else value.strip() for name, value in said.items()}


def whole_number(text: str | None) -> int:
    """A number that a page has put into its form; raises a 422 problem for anything else."""
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise invalid_request([Fault("#/version", "invalid", "The version is a number.")])
    return int(text)


def faults_by_field(problem: ProblemError) -> dict[str, str]:
    """The first fault of each field, by the field's name; that of the whole is under the empty name."""
    found: dict[str, str] = {}
    for fault in problem.errors:
        found.setdefault(fault.pointer.removeprefix("#").removeprefix("/").partition("/")[0], fault.detail)
    return found
