"""The console's paths: who may ask for them, and which object of a workspace each of their names stands for."""

from __future__ import annotations

from collections.abc import Mapping

OPEN = frozenset({"/console/sign-in", "/console/assets/{path:path}"})
ANYBODY = frozenset({("GET", "/console/start"), ("POST", "/console/sign-out"), ("POST", "/console/theme")})
"""What every session opens, whatever its scopes."""
MESSAGE, TRANSPORT = {"id": "message"}, {"id": "transport"}
SUPPRESSION, ERASURE = {"id": "suppression"}, {"id": "erasure"}
DOMAIN, KEY = {"name": "domain"}, {"id": "key"}
TEMPLATE, CONTACT = {"id": "template"}, {"id": "contact"}
ENDPOINT, DELIVERY = {"id": "webhook"}, {"id": "webhook", "delivery": "delivery"}
EXAMPLES: Mapping[str, Mapping[str, str]] = {
    **{
        f"/console/messages/{{id}}{part}": MESSAGE
        for part in ("", "/live", "/content", "/preview", "/cancel", "/resend")
    },
    "/console/queue/messages/{id}/retry": MESSAGE,
    **{
        f"/console/routing/transports/{{id}}{part}": TRANSPORT
        for part in ("", "/edit", "/enabled", "/delete", "/breaker")
    },
    **{
        f"/console/domains/{{name}}{part}": DOMAIN
        for part in ("", "/check", "/rotation", "/ed25519", "/deletion", "/addresses", "/addresses/new")
    },
    "/console/domains/{name}/addresses/{id}/deletion": {"name": "domain", "id": "address"},
    **{f"/console/keys/{{id}}{part}": KEY for part in ("", "/rotation", "/revocation")},
    "/console/keys/smtp/{id}/revocation": {"id": "credential"},
    **{f"/console/templates/{{id}}{part}": TEMPLATE for part in ("", "/deletion")},
    "/console/templates/{id}/versions/{version}/restoration": {"id": "template", "version": "version"},
    **{f"/console/contacts/{{id}}{part}": CONTACT for part in ("", "/subscription", "/deletion")},
    "/console/routing/domains/{domain}/health": {"domain": "domain_name"},
    **{f"/console/suppressions/imports/{{id}}{part}": {"id": "import"} for part in ("", "/live")},
    **{f"/console/suppressions/erasures/{{id}}{part}": ERASURE for part in ("", "/live", "/certificate.json")},
    **{f"/console/suppressions/{{id}}{part}": SUPPRESSION for part in ("", "/remove")},
    **{
        f"/console/webhooks/{{id}}{part}": ENDPOINT
        for part in (
            "", "/settings", "/standing", "/live", "/enable", "/disable", "/delete", "/test", "/retry-failed", "/tasks",
            "/tasks/live", "/replay", "/backfill", "/signing", "/rotate",
        )
    },
    **{f"/console/webhooks/{{id}}/deliveries/{{delivery}}{part}": DELIVERY for part in ("", "/live", "/retry")},
    "/console/webhooks/{id}/{kind}/{task}/cancel": {"id": "webhook", "kind": "replays", "task": "replay"},
}  # fmt: skip
"""By path: the names of an estate's values that stand for the parameters; what names none of them stands for itself."""
QUERIES: Mapping[str, str] = {"/console/start/live": "?since=2030-01-01T00:00:00Z"}
"""What a path cannot be asked for without."""
