"""Contacts, fields and templates."""

from __future__ import annotations

from tests.integration.isolation.asking import Ask

SCOPE, TEMPLATES = "contacts", "templates"
NEW = {"attributes": {"email": "{free}@example.test"}}
THEIRS = {"attributes": {"email": "{contact_email}"}}
ROUTED = {**NEW, "delivery_route": "{address}"}
EVENT = {"event_name": "purchase"}
TEMPLATE = {"name": "Code", "subject": "Hi", "text": "{{code}}"}
CURSOR = {"cursor": "{templates_cursor}", "limit": "1"}

CONTACTS = [
    Ask("GET /v1/contacts", SCOPE),
    Ask("GET /v1/contacts", SCOPE, query={"search": "{contact_email}"}),
    Ask("GET /v1/contacts", SCOPE, query={"filters": '[{"id": "email", "value": "{contact_email}"}]'}),
    Ask("POST /v1/contacts", SCOPE, NEW),
    Ask("POST /v1/contacts", SCOPE, THEIRS, alone=False),
    Ask("POST /v1/contacts", SCOPE, ROUTED),
    Ask("POST /v1/contacts/upsert", SCOPE, THEIRS),
    Ask("POST /v1/contacts/upsert", SCOPE, ROUTED),
    *(Ask(f"GET /v1/contacts/{name}", SCOPE) for name in ("{contact}", "{other_contact_email}")),
    *(
        Ask(f"{method} /v1/contacts/{name}", SCOPE, {"attributes": {"first_name": "Eve"}})
        for name in ("{contact}", "{other_contact_email}")
        for method in ("POST", "PATCH")
    ),
    Ask("PATCH /v1/contacts/{my_contact}", SCOPE, {"delivery_route": "{address}"}),
    *(
        Ask(f"POST /v1/contacts/{name}/{act}", SCOPE)
        for name in ("{contact}", "{other_contact_email}")
        for act in ("subscribe", "unsubscribe")
    ),
    *(
        Ask(f"{method} /v1/contacts/{name}/events", SCOPE, EVENT if method == "POST" else None)
        for name in ("{contact}", "{other_contact_email}")
        for method in ("GET", "POST")
    ),
    Ask("GET /v1/contacts/{my_contact}/events", SCOPE, query={"search": "{event_name}"}),
    Ask("GET /v1/fields", SCOPE),
    Ask("GET /v1/fields", SCOPE, query={"search": "{field_name}"}),
    Ask("POST /v1/fields", SCOPE, {"name": "f_{free}", "type": "text"}),
    Ask("POST /v1/fields", SCOPE, {"name": "{field_name}", "type": "number"}, alone=False),
    Ask("GET /v1/fields/{field}", SCOPE),
    *(Ask(f"{method} /v1/fields/{{field}}", SCOPE, {"type": "text"}) for method in ("POST", "PATCH")),
    Ask("GET /v1/templates", TEMPLATES),
    Ask("GET /v1/templates", TEMPLATES, query=CURSOR),
    Ask("POST /v1/templates", TEMPLATES, TEMPLATE),
    Ask("GET /v1/templates/{template}", TEMPLATES),
    Ask("PATCH /v1/templates/{template}", TEMPLATES, {"subject": "{free}"}),
    Ask("GET /v1/templates/{template}/versions", TEMPLATES),
    Ask("GET /v1/templates/{template}/versions/{version}", TEMPLATES),
    Ask("POST /v1/templates/{template}/preview", TEMPLATES, {"data": {"code": 1}}),
    Ask("DELETE /v1/contacts/{contact}", SCOPE),
    Ask("DELETE /v1/contacts/{other_contact_email}", SCOPE, alone=False),
    Ask("DELETE /v1/fields/{field}", SCOPE),
    Ask("DELETE /v1/templates/{template}", TEMPLATES),
]
