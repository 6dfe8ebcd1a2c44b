"""Delivery status notifications (RFC 3464; in UTF-8, RFC 6533). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.sender.returns.parts import Part, read_fields

STATUSES = frozenset({"message/delivery-status", "message/global-delivery-status"})
LONGEST_REPORT = 256 * 1024
MOST_RECIPIENTS = 50
ACTIONS = ("failed", "delayed", "expanded", "relayed", "delivered")
"""What is told of several recipients is the first of these: a message of ours goes to one address, and what became of
it there may be many."""

_STATUS = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_BLANK = re.compile(r"\n[ \t]*\n\s*")


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a host says became of the message at one recipient. `action` is in lower case, `status` an enhanced code
    (RFC 3463) or empty, `diagnostic` what the next host replied, without the type before it; the hosts by name."""

    action: str
    status: str
    diagnostic: str
    reporting_host: str = ""
    remote_host: str = ""


def status_report(part: Part) -> StatusReport | None:
    """The report in a part, of the recipient with the worst news; None where it is no such part or tells nothing."""
    if part.media_type not in STATUSES:
        return None
    text = part.text(LONGEST_REPORT)
    blocks = [dict(reversed(read_fields(each.encode()))) for each in _BLANK.split(text, MOST_RECIPIENTS)]
    reporting = next((each["reporting-mta"] for each in blocks if "reporting-mta" in each), "")
    found = [report for each in blocks[: MOST_RECIPIENTS + 1] if (report := _report(each, reporting)) is not None]
    return min(found, key=lambda report: ACTIONS.index(report.action), default=None)


def _report(block: dict[str, str], reporting: str) -> StatusReport | None:
    status = _STATUS.match(block.get("status", ""))
    action = block.get("action", "").partition("(")[0].strip().lower()
    if action not in ACTIONS:
        # some hosts leave it out, or say it in words of their own: then the status tells
        if status is None:
            return None
        action = {"2": "delivered", "4": "delayed", "5": "failed"}[status[1]]
    return StatusReport(
        action,
        ".".join(status.groups()) if status else "",
        _typed(block.get("diagnostic-code", "")),
        _typed(reporting),
        _typed(block.get("remote-mta", "")),
    )


def _typed(value: str) -> str:
    """The value behind its type (`smtp; 550 …`, `dns; mx.example`)."""
    kind, semicolon, text = value.partition(";")
    return (text if semicolon and " " not in kind.strip() else value).strip()
