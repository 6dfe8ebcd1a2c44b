"""A template as a form, with data to try it with: from a template to fields and back. Pure but for the reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request
from pydantic_core import from_json

from services.ingest.faults import Faults
from services.ingest.templates.rendering import missing_names
from services.ingest.templates.template import BODIES, Template, template_of
from shared.console.forms import read_form

LINES = ("name", "type", "subject", "from_name", "from", "reply_to")
TRIAL = ("data", "to")
TYPES = [
    ("transactional", "transactional: goes to whoever it is sent to"),
    ("marketing", "marketing: does not go to the unsubscribed"),
    ("headless", "headless: as transactional, for clients that name it so"),
]
HINTS = {
    "name": "What it is called here; requests name it by its id.",
    "type": "Whom it may go to.",
    "subject": "A variable is {{name}}, or {{name ?? 'fallback'}}.",
    "html": "At most 256 KiB. Values are escaped.",
    "text": "At most 256 KiB. HTML, text, or both.",
    "from_name": "The display name.",
    "from": "Where a request names none.",
    "reply_to": "Where answers go.",
    "data": "A JSON object. It is not kept.",
}
LARGEST_DATA = 256 * 1024


async def given_by(request: Request) -> dict[str, str]:
    """The fields of the form that was sent, line breaks as they are kept (HTML sends CRLF)."""
    form = await request.form()
    texts = {name: value for name in BODIES if isinstance(value := form.get(name), str)}
    bodies = {name: texts.get(name, "").replace("\r\n", "\n") for name in BODIES}
    return {**await read_form(request, *LINES, *TRIAL), **bodies}


def filled(template: Template | None, to: str = "") -> dict[str, str]:
    """The fields of a template's form; without one those of a new one's."""
    if template is None:
        return {**dict.fromkeys((*LINES, *BODIES), ""), "type": "transactional", "data": "{}", "to": to}
    kept = template.shown()
    fields = {name: kept[name] or "" for name in (*LINES, *BODIES)}
    return {**fields, "data": sample_of(template), "to": to}


def body_of(given: Mapping[str, str]) -> dict[str, Any]:
    """What the fields ask the API for: what is empty is taken away, but what a template cannot do without."""
    fields: dict[str, Any] = {name: given[name].replace("\r\n", "\n") for name in (*LINES, *BODIES)}
    return {name: value if value or name in ("name", "subject", "type") else None for name, value in fields.items()}


def changes_of(template: Template, given: Mapping[str, str]) -> dict[str, Any]:
    """Of what the fields ask for, what differs from the template."""
    before, after = body_of(filled(template)), body_of(given)
    return {name: value for name, value in after.items() if value != before[name]}


def draft_of(given: Mapping[str, str]) -> Template:
    """The template that the fields describe, which is not kept."""
    return template_of("", 0, {**body_of(given), "created_at": "", "changed_at": ""})


def data_of(text: str, faults: Faults) -> dict[str, Any]:
    """The data to try a template with; what is wrong with it is added to the faults."""
    try:
        data = from_json(text or "{}") if len(text) <= LARGEST_DATA else None
    except ValueError as error:
        faults.add("#/data", "malformed_json", f"This is no JSON: {error}.")
        return {}
    if not isinstance(data, dict):
        faults.add("#/data", "wrong_type", f"This must be a JSON object of at most {LARGEST_DATA // 1024} KiB.")
        return {}
    return data


def sample_of(template: Template) -> str:
    """Data to begin with: each variable that has no fallback, by its own name."""
    sources = (template.subject, template.html or "", template.text or "")
    names = dict.fromkeys(name for source in sources for name in missing_names(source, {}))
    return orjson.dumps({name: name for name in names}, option=orjson.OPT_INDENT_2).decode()
