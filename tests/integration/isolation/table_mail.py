"""What became of messages: by id, and by everything that lists filter by."""

from __future__ import annotations

from tests.integration.isolation.asking import Ask

SEND, HISTORY = "email.send", "email.history"
WAYS = ("/v1/emails", "/v1/workspaces/{workspace}/emails", "/v1/workspaces/{my_workspace}/emails")
FILTERS = {
    "recipient": "{recipient}",
    "sender": "{sender}",
    "tag": "{tag}",
    "message_id": "{message}",
    "cursor": "{emails_cursor}",
}

ACTIVITY = ("/v1/activity", "/v1/workspaces/{workspace}/activity", "/v1/workspaces/{my_workspace}/activity")

MAIL = [
    *(Ask(f"GET {way}", HISTORY) for way in WAYS),
    *(
        Ask(f"GET {way}", HISTORY, query={name: value} | ({"limit": "1"} if name == "cursor" else {}))
        for way in ("/v1/emails", WAYS[2])
        for name, value in FILTERS.items()
    ),
    *(Ask(f"GET {way}", HISTORY) for way in ACTIVITY),
    *(Ask(f"GET {way}/{{message}}{part}", HISTORY) for way in WAYS for part in ("", "/trace", "/content")),
    *(Ask(f"GET {way}/{{scheduled}}", HISTORY) for way in WAYS),
    *(Ask(f"GET {way}/{{message}}/attachments/{{attachment}}", HISTORY) for way in WAYS),
    Ask("GET /v1/emails/{my_message}/attachments/{attachment}", HISTORY),
    *(Ask(f"DELETE {way}/{{scheduled}}", SEND, alone=way == WAYS[0]) for way in WAYS),
    *(Ask(f"DELETE {way}/{{pending}}", SEND, alone=way == WAYS[1]) for way in WAYS),
]
