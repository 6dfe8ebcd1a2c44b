"""What the OpenAPI document says of contacts, contact events and fields."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from services.ingest.contacts.fields import FieldType, TextFormat
from shared.paging import PageMeta

AttributeValue = str | int | float | bool | None


class ContactBody(BaseModel):
    """A new contact. `email` among the attributes identifies it."""

    model_config = ConfigDict(extra="forbid")

    attributes: dict[str, Any] = Field(description="`email`, and strings, numbers and booleans by name; null removes")
    subscribed: bool | None = Field(None, description="true where it is not given")
    delivery_route: str | None = Field(
        None, max_length=64, description="The id of a verified sender of the workspace, which its mail goes out from"
    )


class ContactChanges(ContactBody):
    """What changes; what is not given stays. `delivery_route` null takes the route away."""

    attributes: dict[str, Any] | None = Field(None, description="Merged into the contact's; null removes one")  # type: ignore[assignment]
    subscribed: bool | None = None


class ContactView(BaseModel):
    uuid: str
    subscribed: bool
    attributes: dict[str, Any]
    provider: None
    delivery_route: str | None
    created_at: str
    updated_at: str


class ContactReply(BaseModel):
    data: ContactView


class ContactPage(BaseModel):
    data: list[ContactView]
    meta: PageMeta


class EventBody(BaseModel):
    """Something that a contact did."""

    model_config = ConfigDict(extra="forbid")

    event_name: str = Field(min_length=1, max_length=200)
    attributes: Annotated[Any, WithJsonSchema({"type": ["object", "string", "null"]})] = Field(
        None, description="An object, or its JSON text; `{}` where it is not given"
    )


class EventView(BaseModel):
    uuid: str
    event_name: str
    attributes: dict[str, Any]
    created_at: str


class EventPage(BaseModel):
    data: list[EventView]
    meta: PageMeta


class FormatBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: TextFormat | None = Field(None, description="For the type text")
    pattern: str | None = Field(None, max_length=200, description="Needed for `text` regex; found anywhere in a value")
    iso_format: str | None = Field(
        None, max_length=60, description="For dates and datetimes: YYYY MM DD HH mm ss SSS Z"
    )


class FieldBody(BaseModel):
    """A field that the contacts' attributes of this name have to fit."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=64, description="Letters, digits and `_`; unique in the workspace")
    type: FieldType
    format: FormatBody | None = None


class FieldChanges(FieldBody):
    """What changes; what is not given stays. Values that contacts have already are not looked at again."""

    name: str | None = Field(None, max_length=64)  # type: ignore[assignment]
    type: FieldType | None = None  # type: ignore[assignment]


class FormatView(BaseModel):
    text: TextFormat | None
    pattern: str | None
    iso_format: str | None


class FieldView(BaseModel):
    uuid: str
    name: str
    type: FieldType
    format: FormatView | None
    created_at: str


class FieldReply(BaseModel):
    data: FieldView


class FieldPage(BaseModel):
    data: list[FieldView]
    meta: PageMeta
