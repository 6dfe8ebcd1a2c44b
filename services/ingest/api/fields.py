"""`/v1/fields`: what a workspace's contacts have as attributes, and how their values look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Query, Request, Response

from services.ingest.api.contact_schemas import FieldBody, FieldChanges, FieldPage, FieldReply
from services.ingest.api.object_body import read_object, refused
from services.ingest.api.operations import READING, WRITING
from services.ingest.contacts.declared import MOST_FIELDS, DeclaredFields, NameTakenError, TooManyFieldsError
from services.ingest.contacts.fields import Field, FieldType, new_field
from shared.api import json_response, service_router
from shared.auth import Principal, caller
from shared.contracts.record import rfc3339
from shared.errors import ProblemError, not_found
from shared.mongo.entities import VersionConflictError
from shared.openapi.operations import body_of, replies
from shared.paging import FILTERS, SEARCHED, Paging, paged, read_filters
from shared.service import Base
from shared.tokens import uuid7

SCOPE = "contacts"
TYPES = get_args(FieldType)
CREATE_EXAMPLE = {"name": "company_url", "type": "text", "format": {"text": "url"}}
CHANGE_EXAMPLE = {"format": {"text": "regex", "pattern": "^[A-Z]{2}[0-9]{4}$"}}


class FieldListing(Paging):
    """A page of the fields, oldest first; `search` is found anywhere in a name, in any case."""

    search: str | None = SEARCHED
    filters: str | None = FILTERS


def fields_router(base: Base) -> APIRouter:
    """The routes, for keys with the scope `contacts`; another workspace's field is not found."""
    router = service_router(base.tracing, "/v1/fields", ["contacts"])
    declared = DeclaredFields(base.cache)
    owner: Principal = caller(base.authenticator, SCOPE)

    @router.get("", operation_id="list_fields", responses=replies(200, FieldPage, "A page", *READING))
    async def list_fields(listing: Annotated[FieldListing, Query()], principal: Principal = owner) -> Response:
        """List fields, oldest first. The filter is `type`."""
        found = chosen(await declared.all(principal.workspace_id), listing)
        page = found[listing.skip : listing.skip + listing.per_page]
        return json_response(200, paged([field.shown() for field in page], len(found), listing))

    @router.post(
        "", status_code=201, operation_id="create_field", openapi_extra=body_of(FieldBody, CREATE_EXAMPLE),
        responses=replies(201, FieldReply, "The new field", *WRITING, 409),
    )  # fmt: skip
    async def create_field(request: Request, principal: Principal = owner) -> Response:
        """Declare a field."""
        given, faults = await read_object(request, FieldBody)
        field = new_field(given, uuid7(), rfc3339(datetime.now(UTC)), faults)
        faults.raise_any()
        try:
            await declared.add(principal.workspace_id, field)
        except (NameTakenError, TooManyFieldsError, VersionConflictError) as error:
            raise _problem(error) from error
        return json_response(201, {"data": field.shown()})

    @router.get("/{field}", operation_id="get_field", responses=replies(200, FieldReply, "The field", *READING, 404))
    async def get_field(field: str, principal: Principal = owner) -> Response:
        """One field."""
        found = await declared.get(principal.workspace_id, field.lower())
        return json_response(200, {"data": _found(found).shown()})

    async def change_field(field: str, request: Request, principal: Principal = owner) -> Response:
        """Change a field. Its format is taken as a whole."""
        found = _found(await declared.get(principal.workspace_id, field.lower()))
        given, faults = await read_object(request, FieldChanges)
        changes = {name: value for name, value in given.items() if value is not None or name == "format"}
        changed = new_field({**found.shown(), **changes}, found.uuid, found.created_at, faults)
        faults.raise_any()
        try:
            if not await declared.replace(principal.workspace_id, changed):
                raise not_found("field")
        except (NameTakenError, VersionConflictError) as error:
            raise _problem(error) from error
        return json_response(200, {"data": changed.shown()})

    for method, name in (("POST", "change_field"), ("PATCH", "patch_field")):
        router.add_api_route(
            "/{field}", change_field, methods=[method], operation_id=name,
            openapi_extra=body_of(FieldChanges, CHANGE_EXAMPLE),
            responses=replies(200, FieldReply, "The field as it is now", *WRITING, 404, 409),
        )  # fmt: skip

    @router.delete(
        "/{field}", status_code=204, operation_id="delete_field",
        responses=replies(204, None, "Deleted", *READING, 404, 409),
    )  # fmt: skip
    async def delete_field(field: str, principal: Principal = owner) -> Response:
        """Delete a field. Contacts keep their attributes of its name, which may be anything from now on."""
        try:
            if not await declared.remove(principal.workspace_id, field.lower()):
                raise not_found("field")
        except VersionConflictError as error:
            raise _problem(error) from error
        return Response(status_code=204)

    return router


def chosen(fields: list[Field], listing: FieldListing) -> list[Field]:
    """Those of the fields that the listing asks for. Raises a 422 problem."""
    types: list[Any] = read_filters(listing.filters, ("type",)).get("type", list(TYPES))
    if not all(one in TYPES for one in types):
        raise refused("#/filters", "invalid_choice", f"The filter `type` must be of {', '.join(TYPES)}.")
    searched = (listing.search or "").lower()
    return [field for field in fields if field.type in types and searched in field.name.lower()]


def _found(field: Field | None) -> Field:
    if field is None:
        raise not_found("field")
    return field


def _problem(error: Exception) -> ProblemError:
    if isinstance(error, NameTakenError):
        return refused("#/name", "taken", "Another field of the workspace has this name.")
    if isinstance(error, TooManyFieldsError):
        return refused("#", "too_many", f"A workspace may have at most {MOST_FIELDS} fields.")
    return ProblemError(409, "conflict", "The fields keep changing; please try again.")
