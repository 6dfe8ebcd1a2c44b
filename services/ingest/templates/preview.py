"""What a template becomes with somebody's data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.ingest.faults import TOO_LARGE, Faults
from services.ingest.templates.rendering import (
    LONGEST_LINE,
    BrokenLineError,
    missing_names,
    render_html,
    render_line,
    render_text,
)
from services.ingest.templates.template import Template
from shared.rendering import RenderedTooLargeError

LARGEST_PREVIEW = 1024 * 1024


def preview(template: Template, data: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """Subject and bodies with the data, and the variables that have neither a value nor a fallback.

    What cannot be rendered is None, and among the faults.
    """
    sources = [template.subject, template.html or "", template.text or ""]
    shown: dict[str, Any] = {"version": template.version, "subject": None, "html": None, "text": None}
    for name, source, render, most in (
        ("subject", template.subject, render_line, LONGEST_LINE),
        ("html", template.html, render_html, LARGEST_PREVIEW),
        ("text", template.text, render_text, LARGEST_PREVIEW),
    ):
        try:
            if source is not None:
                shown[name] = render(source, data, most)
        except BrokenLineError as error:
            faults.add("#/data", "line_break", f"`{name}` {error}.")
        except RenderedTooLargeError as error:
            faults.add("#/data", TOO_LARGE, f"`{name}` {error}.")
    missing = dict.fromkeys(name for source in sources for name in missing_names(source, data))
    return {**shown, "missing": list(missing)}
