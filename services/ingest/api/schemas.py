"""Parameters that many routes of the OpenAPI document share."""

from __future__ import annotations

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeated request with this key gets the first one's reply, for a day",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
WORKSPACE = {
    "name": "workspace",
    "in": "path",
    "required": True,
    "description": "The key's own workspace; for the operator any",
    "schema": {"type": "string"},
}
