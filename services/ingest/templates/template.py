"""A template, and what a request may make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from services.ingest.faults import TOO_LARGE, Faults, pointer_to
from services.ingest.forms import CONTROL, LONGEST_SUBJECT
from shared.addresses import InvalidAddressError, parse_mailbox

TemplateType = Literal["transactional", "marketing", "headless"]

LONGEST_NAME = 200
LARGEST_BODY = 256 * 1024
BODIES = ("html", "text")
MAILBOXES = ("from", "reply_to")
CLEARABLE = (*BODIES, *MAILBOXES, "from_name")


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template. `created_at` is the template's, `changed_at` this version's time (RFC 3339)."""

    id: str
    version: int
    name: str
    type: TemplateType
    subject: str
    html: str | None
    text: str | None
    from_: str | None
    from_name: str | None
    reply_to: str | None
    created_at: str
    changed_at: str

    def shown(self) -> dict[str, Any]:
        """As callers see it."""
        return {name.rstrip("_"): value for name, value in asdict(self).items()}


def template_of(id_: str, version: int, data: Mapping[str, Any]) -> Template:
    """A version from what is kept of it, with or without its bodies."""
    return Template(
        id=id_,
        version=version,
        name=data["name"],
        type=data["type"],
        subject=data["subject"],
        html=data.get("html"),
        text=data.get("text"),
        from_=data.get("from"),
        from_name=data.get("from_name"),
        reply_to=data.get("reply_to"),
        created_at=data["created_at"],
        changed_at=data["changed_at"],
    )


def check_template(given: Mapping[str, Any], faults: Faults, *, smtputf8: bool) -> None:
    """Checks the fields that are there; `given` is the whole template as it would be."""
    _check_line("name", given.get("name"), LONGEST_NAME, faults)
    _check_line("subject", given.get("subject"), LONGEST_SUBJECT, faults)
    if given.get("from_name") is not None:
        _check_line("from_name", given["from_name"], LONGEST_NAME, faults)
    for name in BODIES:
        if len((given.get(name) or "").encode()) > LARGEST_BODY:
            faults.add(pointer_to(name), TOO_LARGE, f"`{name}` may be at most {LARGEST_BODY // 1024} KiB.")
    if not any(given.get(name) for name in BODIES) and not faults.concern(*BODIES):
        faults.add("#/html", "required", "`html` is required when `text` is not given.")
        faults.add("#/text", "required", "`text` is required when `html` is not given.")
    for name in MAILBOXES:
        if given.get(name) is not None:
            try:
                parse_mailbox(given[name], smtputf8=smtputf8)
            except InvalidAddressError as error:
                faults.add(pointer_to(name), "invalid_address", f"`{name}` {str(error).rstrip('.')}.")


def _check_line(name: str, text: str | None, longest: int, faults: Faults) -> None:
    place = pointer_to(name)
    if text is None or not text.strip():
        faults.add(place, "required", f"`{name}` may not be empty.")
    elif CONTROL.search(text):
        faults.add(place, "line_break", f"`{name}` may not contain line breaks or control characters.")
    elif len(text) > longest:
        faults.add(place, "too_long", f"`{name}` may be at most {longest} characters long.")
