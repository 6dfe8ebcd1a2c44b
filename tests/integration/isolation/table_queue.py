"""What waits in the sender: by filters, by id, and what may be done with it."""

from __future__ import annotations

from typing import Any

from tests.integration.isolation.asking import Ask

HISTORY, SEND, ROUTING = "email.history", "email.send", "routing"
ACTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "release": (SEND, {}),  # first: who holds what is somebody else's holds nothing, and releases its own hold later
    "hold": (SEND, {"reason": "wait"}),
    "retry": (SEND, {}),
    "bounce": (SEND, {"reason": "a mistake"}),
    "reroute": (ROUTING, {}),
}

QUEUE = [
    Ask("GET /v1/queue", HISTORY),
    Ask("GET /v1/queue/destinations", HISTORY),
    Ask("GET /v1/queue/destinations", HISTORY, query={"cursor": "{destinations_cursor}", "limit": "1"}),
    Ask("GET /v1/queue/messages", HISTORY),
    *(
        Ask("GET /v1/queue/messages", HISTORY, query=query)
        for query in (
            {"cursor": "{queued_cursor}", "limit": "1"},
            {"domain": "{queued_domain}"},
            {"rollup": "{queued_rollup}"},
            {"transport": "{transport}"},
            {"hold": "{hold}"},
            {"state": "in_flight"},
        )
    ),
    *(
        Ask(f"GET /v1/queue/{what}", HISTORY, query={"workspace": "{workspace}"})
        for what in ("messages", "destinations")
    ),
    Ask("GET /v1/queue/holds", HISTORY),
    Ask("GET /v1/queue/holds", HISTORY, query={"cursor": "{holds_cursor}", "limit": "1"}),
    Ask("GET /v1/queue/jobs", HISTORY),
    Ask("GET /v1/queue/jobs", HISTORY, query={"cursor": "{jobs_cursor}", "limit": "1"}),
    Ask("GET /v1/queue/jobs/{job}", HISTORY),
    *(
        Ask(f"POST /v1/queue/{action}", scope, {**body, **selection})
        for action, (scope, body) in ACTIONS.items()
        for selection in (
            {"messages": ["{queued}"]},
            {"workspace": "{workspace}"},
            {"domain": "{queued_domain}"},
            {"transport": "{transport}", "rollup": "{queued_rollup}"},
        )
    ),
    Ask("POST /v1/queue/reroute", ROUTING, {"domain": "example.test", "to": "{transport}"}, alone=False),
    Ask("POST /v1/queue/release", SEND, {"hold": "{hold}"}, alone=False),
]
