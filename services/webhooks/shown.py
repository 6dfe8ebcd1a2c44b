"""An endpoint as its owner sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.webhooks.sealing import Seals, is_live, style_of
from services.webhooks.settings import Settings
from services.webhooks.signing_secrets import Style, public_key_of
from shared.mongo.entities import Entity

PLAIN = ("url", "events", "description", "enabled", "disabled_reason")


class Shown:
    """Makes the views. Raises UnsealError."""

    def __init__(self, settings: Settings, seals: Seals) -> None:
        self._settings = settings
        self._seals = seals

    def endpoint(self, entity: Entity, warnings: Sequence[str] = ()) -> dict[str, Any]:
        data, now = entity.data, datetime.now(UTC)
        request = self._seals.request(entity.id, data)
        return {
            "id": entity.id,
            "name": data.get("name", ""),
            **{name: data.get(name) for name in PLAIN},
            "concurrency": data.get("concurrency") or self._settings.webhook_endpoint_concurrency,
            "rate": data.get("rate") or self._settings.webhook_endpoint_rate,
            "timeout_seconds": data.get("timeout_seconds") or self._settings.webhook_timeout_seconds,
            "signature": str(style_of(data)),
            "public_keys": self._public_keys(entity, now),
            "previous_secret_until": data["previous_until"] if is_live(data, now) else None,
            "method": request.method,
            "headers": dict(request.headers),
            "query": dict(request.query),
            "body": request.body,
            "warnings": list(warnings),
            "created_at": data["created_at"],
        }

    def with_secret(self, entity: Entity, secret: str, warnings: Sequence[str] = ()) -> dict[str, Any]:
        """With the secret, which is shown this once."""
        shown = None if style_of(entity.data) is Style.ED25519 else secret
        return {**self.endpoint(entity, warnings), "secret": shown}

    def _public_keys(self, entity: Entity, now: datetime) -> list[str]:
        if style_of(entity.data) is not Style.ED25519:
            return []
        secrets = [
            self._seals.secret(entity.id, entity.data),
            self._seals.previous_secret(entity.id, entity.data, now),
        ]
        return [public_key_of(secret) for secret in secrets if secret is not None]
