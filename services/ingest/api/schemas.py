"""Parameters that many routes of the OpenAPI document share."""

from __future__ import annotations

IDEMPOTENCY_KEY = {"$ref": "#/components/parameters/IdempotencyKey"}
WORKSPACE = {"$ref": "#/components/parameters/Workspace"}
