"""What templates and data make of a request: fields for those not given, and variables filled in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.ingest.acceptance.send_request import SendRequest
from services.ingest.faults import TOO_LARGE, Faults, pointer_to
from services.ingest.templates.rendering import (
    BrokenLineError,
    render_html,
    render_line,
    render_text,
)
from services.ingest.templates.template import Template
from services.ingest.tracking.rewriting import Marks
from shared.addresses import InvalidAddressError, Mailbox, parse_mailbox, render_mailbox
from shared.content import MAX_BYTES
from shared.rendering import RenderedTooLargeError

Render = Callable[[str, Mapping[str, Any]], str]
RENDERED: Mapping[str, Render] = {
    "subject": render_line,
    "html": lambda source, data: render_html(source, data, MAX_BYTES),
    "text": lambda source, data: render_text(source, data, MAX_BYTES),
}


def with_template(request: SendRequest, template: Template, default_sender: str | None) -> SendRequest:
    """The request with the template's fields for those that it does not give; a body given replaces both of its.

    Where neither says who sends it is the workspace's own sender.
    """
    own_body = bool(request.html or request.text)
    standing_in = {
        "subject": template.subject,
        "html": None if own_body else template.html,
        "text": None if own_body else template.text,
        "from_": _sender(template) or default_sender,
        "reply_to": template.reply_to,
    }
    missing = {name: value for name, value in standing_in.items() if value and not getattr(request, name, None)}
    return request.model_copy(update=missing)


def filled(request: SendRequest, marks: Marks, faults: Faults) -> SendRequest:
    """The request with its variables filled in: what is stored is what is sent.

    `unsubscribeUrl`, `subscribeUrl` and `manageUrl` are always there, and differ by message: they become marks.
    """
    data = {**(request.data or {}), **marks.variables()}
    changes: dict[str, str] = {}
    for name, render in RENDERED.items():
        source = getattr(request, name, None)
        if not isinstance(source, str):
            continue
        try:
            changes[name] = render(source, data)
        except BrokenLineError as error:
            faults.add(pointer_to(name), "line_break", f"`{name}` {error}.")
        except RenderedTooLargeError as error:
            faults.add(pointer_to(name), TOO_LARGE, f"`{name}` {error}.")
    return request.model_copy(update=changes)


def _sender(template: Template) -> str | None:
    if template.from_ is None or template.from_name is None:
        return template.from_
    try:
        mailbox = parse_mailbox(template.from_, smtputf8=True)
    except InvalidAddressError:
        return template.from_
    return render_mailbox(Mailbox(template.from_name, mailbox.address))
