"""The request bodies of the endpoint routes."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from services.webhooks.event_types import WEBHOOK_TYPES, WebhookType
from services.webhooks.request_rules import Method
from services.webhooks.signing_secrets import Style
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


def _named_once(value: dict[str, str]) -> dict[str, str]:
    if len({name.lower() for name in value}) < len(value):
        raise PydanticCustomError("header_twice", "A header stands there twice, in upper and lower case")
    return value


Url = Annotated[str, AfterValidator(_checked_url), Field(description="where webhooks are posted to")]
Events = Annotated[
    list[WebhookType],
    AfterValidator(_once_each),
    Field(max_length=2 * len(WEBHOOK_TYPES), description="the types to post; none: all but email.accepted"),
]
Name = Annotated[str, Field(max_length=100)]
Description = Annotated[str, Field(max_length=500)]
Concurrency = Annotated[int | None, Field(ge=1, le=100, strict=True, description="posts at once; null: the setting's")]
Rate = Annotated[int | None, Field(ge=1, le=1000, strict=True, description="posts in a second; null: the setting's")]
Timeout = Annotated[int | None, Field(ge=1, le=30, strict=True, description="of one post; null: the setting's")]
Signature = Annotated[Style, Field(description="how the posts are signed")]
Headers = Annotated[
    dict[str, str], AfterValidator(_named_once), Field(description="further headers; values are templates")
]
Query = Annotated[dict[str, str], Field(description="parameters added to the URL's query; values are templates")]
Body = Annotated[str | None, Field(description="a template in the place of the standard body; null: that one")]
Secret = Annotated[str | None, Field(description="a secret to bring along; null: a new one")]


class EndpointBody(BaseModel):
    """A new endpoint."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    name: Name = ""
    events: Events = []
    description: Description = ""
    concurrency: Concurrency = None
    rate: Rate = None
    timeout_seconds: Timeout = None
    signature: Signature = Style.STANDARD
    secret: Secret = None
    method: Method = "POST"
    headers: Headers = {}
    query: Query = {}
    body: Body = None


class EndpointChanges(BaseModel):
    """The fields of an endpoint to change; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url = ""
    name: Name = ""
    events: Events = []
    description: Description = ""
    concurrency: Concurrency = None
    rate: Rate = None
    timeout_seconds: Timeout = None
    signature: Signature = Style.STANDARD
    method: Method = "POST"
    headers: Headers = {}
    query: Query = {}
    body: Body = None
    enabled: bool = True

    def changes(self) -> dict[str, Any]:
        """What is given; a caller's word on `enabled` ends an earlier reason."""
        given = self.model_dump(exclude_unset=True)
        return {**given, "disabled_reason": None} if "enabled" in given else given


class RotationBody(BaseModel):
    """Another secret."""

    model_config = ConfigDict(extra="forbid")

    secret: Secret = None
    overlap_hours: Annotated[
        float | None,
        Field(ge=0, le=72, allow_inf_nan=False, description="how long the old one signs too; null: the setting's"),
    ] = None


async def checked_body(request: Request, model: type[B], urls: UrlRules) -> B:
    """The request's body; raises a 422 problem that names every fault, or 413."""
    return parsed_body(await limited_body(request), model, urls)


async def limited_body(request: Request) -> bytes:
    """Raises a 413 problem."""
    raw = await request.body()
    if len(raw) > MAX_BODY:
        raise ProblemError(413, "too_large", f"The body must have at most {MAX_BODY} bytes.")
    return raw


def parsed_body(raw: bytes, model: type[B], urls: UrlRules) -> B:
    """Raises a 422 problem that names every fault."""
    try:
        return model.model_validate_json(raw, context=urls)
    except ValidationError as error:
        # the fields `body` and `query` are not the parts of a request that go by these names
        errors = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise invalid_request(faults_of(errors)) from error
