"""The dialects' operations."""

from __future__ import annotations

from tests.integration.isolation.asking import Ask

SEND, HISTORY, TRACKING, CONTACTS = "email.send", "email.history", "tracking.read", "contacts"
BROADCAST, SENDY = "/api/v1/transactionals", "/api/v1/emails"
MAIL = {"to": "{free}@example.test", "subject": "Hi", "html": "<p>there</p>", "text": "there"}
PLUNK = {"to": "{free}@example.test", "subject": "Hi", "body": "<p>there</p>"}
KEYED = {"Idempotency-Key": "{scheduled_key}"}

DIALECTS = [
    Ask(f"POST {BROADCAST}.json", SEND, {"to": "{free}@example.test", "subject": "Hi", "body": "there"}),
    Ask(f"GET {BROADCAST}/{{number}}", HISTORY),
    Ask(f"GET {BROADCAST}/{{number}}.json", HISTORY),
    Ask("POST /v1/send", SEND, PLUNK),
    Ask("POST /v1/send", SEND, {**PLUNK, "from": "{sender}"}),
    Ask("POST /v1/send", SEND, {"to": "{free}@example.test", "template": "{template}"}),
    Ask("POST /v1/send", SEND, {**PLUNK, "to": "{contact_email}", "body": "{{first_name}}", "data": {"a": "1"}}),
    Ask("POST /v1/send", SEND, PLUNK, headers={"Idempotency-Key": "{plunk_key}"}, alone=False),
    Ask("POST /v1/track", CONTACTS, {"email": "{free}@example.test", "event": "signup"}),
    Ask(f"POST {SENDY}/send", SEND, MAIL),
    Ask(f"POST {SENDY}/send", SEND, {**MAIL, "from": "{sender}"}),
    Ask(f"POST {SENDY}/send", SEND, MAIL, headers=KEYED, alone=False),
    Ask(f"POST {SENDY}/send/multipart", SEND, form=MAIL),
    Ask(f"POST {SENDY}/send/multipart", SEND, form={**MAIL, "from": "{sender}"}),
    Ask(f"POST {SENDY}/batch", SEND, {"subject": "Hi", "text": "there", "recipients": [{"to": "{contact_email}"}]}),
    Ask(f"POST {SENDY}/batch", SEND, {"emails": [MAIL, {**MAIL, "from": "{sender}"}]}),
    Ask(f"GET {SENDY}", HISTORY),
    Ask(f"GET {SENDY}", HISTORY, query={"to": "{recipient}"}),
    Ask(f"GET {SENDY}/{{message}}", HISTORY),
    Ask("GET /api/v1/tracking/{message}", TRACKING),
    Ask("GET /api/v1/stats", TRACKING),
    Ask(f"DELETE {SENDY}/{{scheduled}}", SEND, alone=False),
    Ask(f"DELETE {SENDY}/{{waiting}}", SEND),
]
