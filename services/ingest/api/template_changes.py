"""What can be done with a workspace's templates, whichever door asks for it; each raises problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.ingest.accounts.changes import Author
from services.ingest.api.object_body import refused
from services.ingest.faults import Faults
from services.ingest.templates.template import CLEARABLE, Template, check_template
from services.ingest.templates.templates import MOST_TEMPLATES, Templates, TooManyTemplatesError
from shared.auth import Principal
from shared.errors import ProblemError, not_found
from shared.mongo.entities import VersionConflictError


async def created(
    templates: Templates, author: Author, principal: Principal, given: Mapping[str, Any], faults: Faults
) -> Template:
    """The new template, of the fields that fit; `faults` are those of the others."""
    fields = {"type": "transactional", **{name: value for name, value in given.items() if value is not None}}
    _check(fields, faults, principal)
    try:
        return await templates.create(author, principal.workspace_id, fields)
    except TooManyTemplatesError as error:
        raise refused("#", "too_many", f"A workspace may have at most {MOST_TEMPLATES} templates.") from error


async def changed(
    templates: Templates,
    author: Author,
    principal: Principal,
    template_id: str,
    given: Mapping[str, Any],
    faults: Faults,
) -> Template:
    """The template with the given fields set, and those that are None taken away; `faults` are those of the others."""

    def after(before: dict[str, Any]) -> dict[str, Any]:
        fields = {**before, **given}
        _check(fields, faults, principal)
        return {name: value for name, value in fields.items() if value is not None or name not in CLEARABLE}

    try:
        return found(await templates.change(author, principal.workspace_id, template_id, after))
    except VersionConflictError as error:
        raise _busy() from error


async def deleted(templates: Templates, author: Author, workspace_id: str, template_id: str) -> None:
    try:
        gone = await templates.delete(author, workspace_id, template_id)
    except VersionConflictError as error:
        raise _busy() from error
    if not gone:
        raise not_found("template")


def found(template: Template | None) -> Template:
    """Raises a 404 problem for None."""
    if template is None:
        raise not_found("template")
    return template


def _check(fields: Mapping[str, Any], faults: Faults, principal: Principal) -> None:
    check_template(fields, faults, smtputf8=principal.workspace.smtputf8)
    faults.raise_any()


def _busy() -> ProblemError:
    return ProblemError(409, "conflict", "The template keeps changing; please try again.")
