"""Domains, keys, credentials, workspaces and the audit log."""

from __future__ import annotations

from tests.integration.isolation.asking import OPERATOR, Ask

DOMAINS, KEYS, ADMIN, PLATFORM = "domains", "keys", "admin", OPERATOR
ADDRESS = {
    "address": "{free}",
    "display_name": "Acme",
    "reply_to": "help@acme.test",
    "company_address": "123 Main St",
    "company_city": "New York",
    "company_state": "NY",
    "company_zip": "10001",
    "company_country": "US",
}
KEY = {"name": "another", "scopes": ["keys"]}
WORKSPACE = {"name": "Another", "owner_email": "owner@example.test"}
ONE = "/v1/workspaces/{workspace}"
AUDIT = {"object_id": "{domain}", "actor_id": "{key}", "cursor": "{audit_cursor}"}

ACCOUNTS = [
    Ask("GET /v1/domains", DOMAINS),
    Ask("GET /v1/domains", DOMAINS, query={"search": "{domain_name}"}),
    Ask("POST /v1/domains", DOMAINS, {"name": "d{free}.test"}),
    Ask("GET /v1/domains/{domain}", DOMAINS),
    Ask("GET /v1/domains/{domain_name}", DOMAINS),
    Ask("POST /v1/domains", DOMAINS, {"name": "{domain_name}"}, alone=False),
    Ask("POST /v1/domains/{domain}/verification", DOMAINS),
    Ask("POST /v1/domains/{domain}/rotation", DOMAINS),
    Ask("PATCH /v1/domains/{domain}", DOMAINS, {"dkim_ed25519": True}),
    Ask("GET /v1/domains/{domain}/addresses", DOMAINS),
    Ask("POST /v1/domains/{domain}/addresses", DOMAINS, ADDRESS),
    Ask("GET /v1/domains/{domain}/addresses/{address}", DOMAINS),
    Ask("GET /v1/domains/{my_domain}/addresses/{address}", DOMAINS),
    Ask("DELETE /v1/domains/{my_domain}/addresses/{address}", DOMAINS, alone=False),
    Ask("DELETE /v1/domains/{domain}/addresses/{address}", DOMAINS),
    Ask("DELETE /v1/domains/{domain}", DOMAINS),
    Ask("GET /v1/api-keys", KEYS),
    Ask("GET /v1/api-keys", KEYS, query={"cursor": "{keys_cursor}", "limit": "1"}),
    Ask("POST /v1/api-keys", KEYS, KEY),
    Ask(f"POST {ONE}/api-keys", KEYS, KEY),
    Ask("GET /v1/api-keys/{key}", KEYS),
    Ask("PATCH /v1/api-keys/{key}", KEYS, {"name": "mine now"}),
    Ask("POST /v1/api-keys/{key}/rotation", KEYS, {"grace_seconds": 0}),
    Ask("DELETE /v1/api-keys/{key}", KEYS),
    Ask("GET /v1/smtp-credentials", KEYS),
    Ask("GET /v1/smtp-credentials", KEYS, query={"cursor": "{credentials_cursor}", "limit": "1"}),
    Ask("POST /v1/smtp-credentials", KEYS, {"name": "printer"}, held=("email.send",)),
    Ask("GET /v1/smtp-credentials/{credential}", KEYS),
    Ask("DELETE /v1/smtp-credentials/{credential}", KEYS),
    Ask("POST /v1/workspaces", PLATFORM, WORKSPACE),
    Ask("GET /v1/workspaces", PLATFORM),
    Ask(f"GET {ONE}", ADMIN),
    Ask(f"PATCH {ONE}", ADMIN, {"default_stream": "billing"}),
    Ask("PATCH /v1/workspaces/{my_workspace}", ADMIN, {"default_sender": "{sender}"}),
    Ask(f"POST {ONE}/owner-verification", PLATFORM),
    Ask(f"DELETE {ONE}", PLATFORM),
    Ask("GET /v1/audit", ADMIN),
    Ask(f"GET {ONE}/audit", ADMIN),
    *(
        Ask(f"GET {path}", ADMIN, query={name: value} | ({"limit": "1"} if name == "cursor" else {}))
        for path in ("/v1/audit", "/v1/workspaces/{my_workspace}/audit")
        for name, value in AUDIT.items()
    ),
]
