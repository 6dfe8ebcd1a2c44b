"""What the OpenAPI document says of templates."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.templates.template import TemplateType


class TemplateBody(BaseModel):
    """A new template; `{{name}}` in its subject and bodies is replaced when it is sent."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200, description="What it is called; need not be unique")
    type: TemplateType = Field("transactional", description="A marketing template is not sent to the unsubscribed")
    subject: str = Field(max_length=998)
    html: str | None = Field(None, description="At most 256 KiB; required when `text` is not given")
    text: str | None = Field(None, description="At most 256 KiB; required when `html` is not given")
    from_: str | None = Field(None, alias="from", description="Who it is sent from where a send does not say")
    from_name: str | None = Field(None, max_length=200, description="The display name that goes with `from`")
    reply_to: str | None = None


class TemplateChanges(TemplateBody):
    """What changes; what is not given stays, what is null is taken away."""

    name: str = Field("", max_length=200)
    type: TemplateType = "transactional"
    subject: str = Field("", max_length=998)


class PreviewBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    data: dict[str, Any] | None = Field(None, description="The variables' values by name")
    version: int | None = Field(None, ge=1, description="The newest where it is not given")


class VersionView(BaseModel):
    """A version of a template without its bodies."""

    id: str
    version: int
    name: str
    type: TemplateType
    subject: str
    from_: str | None = Field(alias="from")
    from_name: str | None
    reply_to: str | None
    created_at: str
    changed_at: str


class TemplateView(VersionView):
    html: str | None
    text: str | None


class TemplatePage(BaseModel):
    data: list[VersionView]
    has_more: bool
    next_cursor: str | None


class PreviewView(BaseModel):
    """What the template becomes; `missing` are the variables without a value and without a fallback."""

    version: int
    subject: str
    html: str | None
    text: str | None
    missing: list[str]
