"""Messages that wait, holds and jobs as they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.sender.destinations.name import parse
from services.sender.queue.holds import Hold
from services.sender.queue.overview import why_of
from shared.contracts.messages import Message
from shared.contracts.record import rfc3339


def message_view(document: Mapping[str, Any]) -> dict[str, Any]:
    message, state = Message.decode(document["record"]), document["state"]
    transport, rollup = parse(document["destination"])[:2]
    last = document.get("last", {}).get("outcome") or (message.last.outcome if message.last else None)
    due_at = document.get("due_at") if state in ("deferred", "held") else None
    return {
        "id": document["_id"],
        "workspace_id": document["workspace_id"],
        "recipient": message.recipient,
        "lane": document["lane"],
        "state": "in_flight" if state == "leased" else state,
        "transport": transport or None,
        "rollup": rollup or None,
        "attempts": document["attempt"],
        "why": why_of(state, document),
        "hold": document.get("hold"),
        "last_reply": last,
        "next_at": rfc3339(due_at) if due_at else None,
        "accepted_at": rfc3339(message.accepted_at),
        "expires_at": rfc3339(message.expires_at),
    }


def hold_view(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "workspace_id": hold.owner,
        "selection": hold.selection.as_document(),
        "reason": hold.reason,
        "by": hold.by,
        "since": rfc3339(hold.since),
        "until": rfc3339(hold.until) if hold.until else None,
    }


def job_view(document: Mapping[str, Any]) -> dict[str, Any]:
    options, ended_at = document["options"], document.get("ended_at")
    return {
        "id": document["_id"],
        "workspace_id": document["workspace_id"],
        "action": document["action"],
        "state": "open" if document.get("open") else "done",
        "selection": document["selection"],
        "reason": options["reason"],
        "to": options["take"],
        "holds": options["holds"],
        "force": options["force"],
        "actor": document["actor"],
        "changed": document["changed"],
        "refused": document["refused"],
        "left": document.get("left", []),
        "created_at": rfc3339(document["created_at"]),
        "ended_at": rfc3339(ended_at) if ended_at else None,
    }
