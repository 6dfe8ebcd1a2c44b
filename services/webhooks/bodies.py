"""The request bodies of the endpoint routes."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from services.webhooks.event_types import WEBHOOK_TYPES, WebhookType
from services.webhooks.urls import InvalidUrlError, UrlRules
from shared.api import faults_of
from shared.errors import ProblemError, invalid_request

MAX_BODY = 64 * 1024
B = TypeVar("B", bound=BaseModel)


def _checked_url(value: str, info: ValidationInfo) -> str:
    rules = info.context
    assert isinstance(rules, UrlRules)
    try:
        return rules.checked(value)
    except InvalidUrlError as error:
        raise PydanticCustomError(error.code, "The URL {fault}", {"fault": str(error)}) from error


def _once_each(value: list[str]) -> list[str]:
    return list(dict.fromkeys(value))


Url = Annotated[str, AfterValidator(_checked_url), Field(description="where webhooks are posted to")]
Events = Annotated[
    list[WebhookType],
    AfterValidator(_once_each),
    Field(max_length=2 * len(WEBHOOK_TYPES), description="the types to post; none: all but email.accepted"),
]
Description = Annotated[str, Field(max_length=500)]


class EndpointBody(BaseModel):
    """A new endpoint."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    events: Events = []
    description: Description = ""


class EndpointChanges(BaseModel):
    """The fields of an endpoint to change; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url = ""
    events: Events = []
    description: Description = ""
    enabled: bool = True

    def changes(self) -> dict[str, Any]:
        """The entity's data to set; a caller's word on `enabled` ends an earlier reason."""
        given = self.model_dump(exclude_unset=True)
        return {**given, "disabled_reason": None} if "enabled" in given else given


async def checked_body(request: Request, model: type[B], urls: UrlRules) -> B:
    """The request's body; raises a 422 problem that names every fault, or 413."""
    raw = await request.body()
    if len(raw) > MAX_BODY:
        raise ProblemError(413, "too_large", f"The body must have at most {MAX_BODY} bytes.")
    try:
        return model.model_validate_json(raw, context=urls)
    except ValidationError as error:
        raise invalid_request(faults_of(error.errors(include_url=False))) from error
