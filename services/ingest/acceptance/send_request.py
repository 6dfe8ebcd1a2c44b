"""The one request of the core: what every door turns its own shape into, and what the native API takes as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, from_json

from services.ingest.faults import Faults, pointer_to

# More are not told one by one: a body of a million unknown fields would take seconds to describe.
MOST_FAULTS = 500
_MESSAGES = {
    "missing": ("required", "is required."),
    "extra_forbidden": ("unknown_field", "is not a field of this request."),
    "string_type": ("wrong_type", "must be a string."),
    "list_type": ("wrong_type", "must be an array."),
    "dict_type": ("wrong_type", "must be an object."),
    "model_type": ("wrong_type", "must be an object."),
}


class MalformedJsonError(ValueError):
    """The body is not JSON."""


class AttachmentInput(BaseModel):
    """A file: one with a `content_id` is shown inside the HTML where that says `cid:<content_id>` (RFC 2392)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    filename: str
    content: str = Field(description="base64", json_schema_extra={"contentEncoding": "base64"})
    content_type: str | None = Field(None, description="By the file's name where not given")
    content_id: str | None = None


class TrackingInput(BaseModel):
    """What is tracked of a message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    opens: bool = False
    clicks: bool = False
    replies: bool = Field(False, description="Replies go through the platform, which passes them on")
    reads: bool = Field(False, description="A read receipt is asked for (RFC 8098)")


class SendRequest(BaseModel):
    """A message to one or more recipients. A field that is null counts as not given."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    from_: str | None = Field(
        None,
        alias="from",
        description="`a@b` or `Name <a@b>`: a verified sender address, or any address of a verified domain",
    )
    subject: str | None = Field(None, description="One line")
    html: str | None = Field(None, description="Required when `text` is not given")
    text: str | None = Field(None, description="Required when `html` is not given")
    to: list[str] | None = Field(None, description="Required when neither `cc` nor `bcc` is given")
    cc: list[str] | None = None
    bcc: list[str] | None = None
    reply_to: str | None = None
    headers: dict[str, str] | None = Field(
        None, description="The caller's own headers; `X-Leadpush-Tag` and `X-Posthorn-Tag` tag the messages instead"
    )
    tags: list[str] | None = None
    metadata: dict[str, str] | None = None
    stream: Literal["authentication", "security", "billing", "product"] | None = Field(
        None, description="What the message is for; the first two go on the critical lane"
    )
    template: str | None = Field(None, description="A template's id: its fields stand in for those not given here")
    template_version: int | None = Field(None, description="The template's newest where not given")
    data: dict[str, Any] | None = Field(None, description="Values for the `{{variables}}` of subject, html and text")
    tracking: TrackingInput | None = Field(None, description="The workspace's default where not given")
    unsubscribe_link: bool | None = Field(
        None, description="Adds a link to unsubscribe, and the header fields for one click (RFC 8058)"
    )
    attachments: list[AttachmentInput] | None = None
    scheduled_at: str | None = Field(
        None, description="RFC 3339: sent then, not before", json_schema_extra={"format": "date-time"}
    )
    expires_at: str | None = Field(
        None, description="RFC 3339: not sent after it", json_schema_extra={"format": "date-time"}
    )
    on_ambiguous: Literal["retry", "fail"] | None = Field(
        None, description="What to do when the connection is lost after the final dot"
    )


def parse_send_request(body: bytes) -> tuple[SendRequest, Faults]:
    """Reads a JSON body; raises MalformedJsonError, and a 422 problem for what cannot be looked into at all.

    Where fields have faults, what is left of the request comes with them, so that it can be checked too.
    """
    return _read(lambda: SendRequest.model_validate_json(body), lambda: from_json(body))


def read_send_request(value: Any) -> tuple[SendRequest, Faults]:
    """Reads a request out of JSON that has been decoded; raises as `parse_send_request` does."""
    return _read(lambda: SendRequest.model_validate(value), lambda: dict(value))


def _read(validated: Callable[[], SendRequest], decoded: Callable[[], Any]) -> tuple[SendRequest, Faults]:
    faults = Faults()
    try:
        return validated(), faults
    except ValidationError as error:
        if error.error_count() > MOST_FAULTS:
            faults.add("#", "too_many_faults", f"The request has {error.error_count()} faults.")
            faults.raise_any()
        errors = error.errors(include_url=False)
    if errors[0]["type"] == "json_invalid":
        raise MalformedJsonError(errors[0]["msg"])
    for detail in errors:
        _tell(detail, faults)
    if not errors[0]["loc"]:
        faults.raise_any()
    return _remainder(decoded(), errors), faults


def _tell(error: ErrorDetails, faults: Faults) -> None:
    place, kind = error["loc"], error["type"]
    if not place:
        faults.add("#", "wrong_type", "The body must be a JSON object.")
        return
    name = ".".join(str(part) for part in place)
    if kind == "literal_error":
        code, text = "invalid_choice", f"must be {error['ctx']['expected']}."
    else:
        code, text = _MESSAGES.get(kind, ("invalid", f"{error['msg']}."))
    faults.add(pointer_to(*place), code, f"`{name}` {text}")


def _remainder(raw: Any, errors: list[ErrorDetails]) -> SendRequest:
    """The request without what is at fault: fields are taken out, items of arrays and objects emptied in place."""
    fields: dict[str, Any] = raw if isinstance(raw, dict) else {}
    for place in (error["loc"] for error in errors):
        if len(place) == 1 or place[0] in ("attachments", "tracking", "data"):
            fields.pop(str(place[0]), None)
        elif len(place) == 2:
            fields[str(place[0])][place[1]] = ""
    values = {"from_" if name == "from" else name: value for name, value in fields.items()}
    if values.get("attachments"):
        values["attachments"] = [AttachmentInput.model_construct(**each) for each in values["attachments"]]
    if values.get("tracking") is not None:
        values["tracking"] = TrackingInput.model_construct(**values["tracking"])
    return SendRequest.model_construct(**values)
