"""What router, suppression and webhooks serve, and the links of messages."""

from __future__ import annotations

from tests.integration.isolation.asking import OPEN, OPERATOR, Ask

ROUTING, SUPPRESSIONS, WEBHOOKS = "routing", "suppressions", "webhooks"
DOMAINS = "domains"
OPERATORS, ANYBODY = OPERATOR, OPEN
TRANSPORT = {"name": "smart", "kind": "smarthost", "host": "127.0.0.1", "port": 2525}
RULE = {"when": {"tags": ["{free}"]}, "route": [[{"transport": "{routed_transport}"}]]}
NAMED_RULE = {"id": "{rule}", **RULE}
HYPOTHETICAL = {"from": "{my_sender}", "to": "ann@127.example"}
HELD = {"id": "{free}", "when": {"tags": ["{free}"]}, "hold": {"reason": "{free}"}}
TRIP = {"state": "open", "seconds": 60, "reason": "the provider told us to wait"}
CSV = {"Content-Type": "text/csv"}
CHECKED = {"emails": ["{suppressed}"], "from": "{sender}", "stream": "product"}
BULK = [{"uuid": "{suppression}"}, {"email": "{suppressed}"}]
HOOK = {"url": "http://127.0.0.1:1/{free}"}

PLATFORM_ROUTES = [
    Ask("GET /v1/platform/transports", OPERATORS),
    Ask("POST /v1/platform/transports", OPERATORS, TRANSPORT),
    Ask("GET /v1/platform/transports/{shared_transport}", OPERATORS),
    Ask("GET /v1/platform/transports/{shared_transport}/health", OPERATORS),
    Ask("POST /v1/platform/transports/{shared_transport}/breaker", OPERATORS, TRIP),
    Ask("GET /v1/platform/sender-health", OPERATORS),
    Ask("PATCH /v1/platform/transports/{shared_transport}", OPERATORS, {"weight": 1}),
    Ask("DELETE /v1/platform/transports/{shared_transport}", OPERATORS),
    Ask("GET /v1/platform/routes", OPERATORS),
    Ask("PUT /v1/platform/routes", OPERATORS, {"rules": [HELD]}),
    Ask("POST /v1/platform/routes/rules", OPERATORS, HELD),
    Ask("GET /v1/platform/routes/rules/{platform_rule}", OPERATORS),
    Ask("POST /v1/platform/routes/explain", OPERATORS, {"workspace": "{workspace}", **HYPOTHETICAL}),
    Ask("PUT /v1/platform/routes/rules/{platform_rule}", OPERATORS, {"lane": "critical"}),
    Ask("DELETE /v1/platform/routes/rules/{platform_rule}", OPERATORS),
    Ask("GET /v1/platform/suppressions", OPERATORS),
    Ask("POST /v1/platform/suppressions", OPERATORS, {"email": "{free}@example.test"}),
    Ask("GET /v1/platform/suppressions/{platform_suppression}", OPERATORS),
    Ask("GET /v1/platform/suppressions/{platform_suppression}/history", OPERATORS),
    *(Ask(f"GET /v1/platform/suppressions/{part}", OPERATORS) for part in ("removals", "export")),
    Ask("POST /v1/platform/suppressions/check", OPERATORS, CHECKED),
    Ask("POST /v1/platform/suppressions/bulk", OPERATORS, {"add": [{"email": "{free}@example.test"}]}),
    Ask("POST /v1/platform/suppressions/import", OPERATORS, headers=CSV, text="{free}@example.test"),
    Ask("DELETE /v1/platform/suppressions/{platform_suppression}", OPERATORS),
]

LINKS = [
    Ask("GET /t/o/{open_token}", ANYBODY),
    Ask("GET /t/c/{click_token}/{click_target}", ANYBODY),
    Ask("GET /u/{unsubscribe_token}", ANYBODY),
    Ask("POST /u/{unsubscribe_token}", ANYBODY, form={"List-Unsubscribe": "One-Click"}),
]

PLATFORM = [
    Ask("GET /v1/transports", ROUTING),
    Ask("GET /v1/transports", ROUTING, query={"cursor": "{transports_cursor}", "limit": "1"}),
    Ask("POST /v1/transports", ROUTING, TRANSPORT),
    Ask("GET /v1/transports/{transport}", ROUTING),
    Ask("PATCH /v1/transports/{transport}", ROUTING, {"weight": 1}),
    Ask("GET /v1/transports/{transport}/health", ROUTING),
    Ask("POST /v1/transports/{transport}/breaker", ROUTING, TRIP),
    Ask("POST /v1/transports/{transport}/breaker", ROUTING, {"state": "closed", "reason": "it is well"}),
    Ask("GET /v1/sender-health", DOMAINS),
    Ask("GET /v1/sender-health", DOMAINS, query={"limit": "1"}),
    Ask("GET /v1/routes/default", ROUTING),
    Ask("PUT /v1/routes/default", ROUTING, {"transports": ["{routed_transport}"]}),
    Ask("GET /v1/routes", ROUTING),
    Ask("PUT /v1/routes", ROUTING, {"transports": ["{routed_transport}"], "rules": [NAMED_RULE]}),
    Ask("POST /v1/routes/rules", ROUTING, {"id": "{free}", **RULE}),
    Ask("GET /v1/routes/rules/{rule}", ROUTING),
    Ask("POST /v1/routes/explain", ROUTING, HYPOTHETICAL),
    Ask("POST /v1/routes/explain", ROUTING, {**HYPOTHETICAL, "draft": {"transports": ["{routed_transport}"]}}),
    Ask("PUT /v1/routes/rules/{rule}", ROUTING, RULE),
    Ask("DELETE /v1/routes/rules/{rule}", ROUTING),
    Ask("DELETE /v1/transports/{transport}", ROUTING),
    Ask("GET /v1/suppressions", SUPPRESSIONS),
    Ask("GET /v1/suppressions", SUPPRESSIONS, query={"search": "{suppressed}"}),
    Ask("GET /v1/suppressions", SUPPRESSIONS, query={"page": "1", "per_page": "1"}),
    Ask("POST /v1/suppressions", SUPPRESSIONS, {"email": "{free}@example.test"}),
    Ask("GET /v1/suppressions/{suppression}", SUPPRESSIONS),
    Ask("GET /v1/suppressions/{suppressed}", SUPPRESSIONS),
    *(Ask(f"GET /v1/suppressions/{name}/history", SUPPRESSIONS) for name in ("{suppression}", "{suppressed}")),
    Ask("GET /v1/suppressions/{suppressed}", SUPPRESSIONS, query={"scope": "stream", "stream": "product"}, alone=False),
    Ask("GET /v1/suppressions/removals", SUPPRESSIONS),
    Ask("GET /v1/suppressions/removals", SUPPRESSIONS, query={"email": "{unsuppressed}"}),
    Ask("GET /v1/suppressions/export", SUPPRESSIONS),
    Ask("GET /v1/suppressions/export", SUPPRESSIONS, query={"search": "{suppressed}"}),
    Ask("POST /v1/suppressions/check", SUPPRESSIONS, CHECKED),
    *(Ask("POST /v1/suppressions/bulk", SUPPRESSIONS, {"remove": [each]}, alone=False) for each in BULK),
    Ask("POST /v1/suppressions/bulk", SUPPRESSIONS, {"add": [{"email": "{free}@example.test"}]}),
    Ask("DELETE /v1/suppressions/{suppression}", SUPPRESSIONS),
    Ask("DELETE /v1/suppressions/{suppressed}", SUPPRESSIONS, alone=False),
    Ask("POST /v1/suppressions", SUPPRESSIONS, {"email": "{suppressed}"}),
    Ask("POST /v1/suppressions/import", SUPPRESSIONS, headers=CSV, text="{spare}"),
    Ask("GET /v1/webhooks", WEBHOOKS),
    Ask("GET /v1/webhooks", WEBHOOKS, query={"cursor": "{webhooks_cursor}", "limit": "1"}),
    Ask("POST /v1/webhooks", WEBHOOKS, HOOK),
    Ask("GET /v1/webhooks/{webhook}", WEBHOOKS),
    Ask("PATCH /v1/webhooks/{webhook}", WEBHOOKS, {"enabled": False}),
    Ask("POST /v1/webhooks/{webhook}/rotate", WEBHOOKS),
    Ask("DELETE /v1/webhooks/{webhook}", WEBHOOKS),
    *PLATFORM_ROUTES,
    *LINKS,
]
