"""What is held of one person, and its erasure."""

from __future__ import annotations

from tests.integration.isolation.asking import OPERATOR, Ask

ADMIN = "admin"
PERSON = {"email": "{free}@example.test", "reason": "case 4711"}

PRIVACY = [
    Ask("POST /v1/erasures", ADMIN, PERSON),
    Ask("GET /v1/erasures", ADMIN),
    Ask("GET /v1/erasures", ADMIN, query={"cursor": "{erasures_cursor}", "limit": "1"}),
    Ask("GET /v1/erasures/{erasure}", ADMIN),
    Ask("POST /v1/platform/erasures", OPERATOR, PERSON),
    Ask("GET /v1/platform/erasures", OPERATOR),
    Ask("GET /v1/platform/erasures/{platform_erasure}", OPERATOR),
    *(
        Ask(f"GET /v1/people/{part}/{{{person}}}", ADMIN)
        for person, part in (
            ("recipient", "messages"),
            ("contact_email", "contacts"),
            ("contact_email", "contact-events"),
            ("suppressed", "suppressions"),
            ("recipient", "deliveries"),
            ("recipient", "webhooks"),
        )
    ),
]
