"""What of an endpoint is sealed, at rest and in its published versions: its secrets and its templates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from services.webhooks.request_rules import OwnRequest
from services.webhooks.signing_secrets import LISTS, Style
from shared.contracts.purposes import endpoint_purpose, templates_purpose
from shared.secrets import SecretBox


class Seals:
    """Seals and opens them, each bound to its endpoint. What opens raises UnsealError."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    def seal_secret(self, id_: str, secret: str) -> str:
        return self._box.seal(secret.encode(), endpoint_purpose(id_))

    def seal_templates(self, id_: str, request: OwnRequest) -> str | None:
        """None where there is none."""
        if not (request.headers or request.query or request.body is not None):
            return None
        written = {"headers": dict(request.headers), "query": dict(request.query), "body": request.body}
        return self._box.seal(orjson.dumps(written), templates_purpose(id_))

    def secret(self, id_: str, data: Mapping[str, Any]) -> str:
        return self._box.open(data["secret"], endpoint_purpose(id_)).decode()

    def previous_secret(self, id_: str, data: Mapping[str, Any], now: datetime) -> str | None:
        """The secret before the present one, as long as it may sign."""
        if not is_live(data, now):
            return None
        return self._box.open(data["previous_secret"], endpoint_purpose(id_)).decode()

    def request(self, id_: str, data: Mapping[str, Any]) -> OwnRequest:
        """The request as its owner wrote it."""
        if data.get("templates") is None:
            return OwnRequest(data.get("method", "POST"))
        return OwnRequest(data["method"], **orjson.loads(self._box.open(data["templates"], templates_purpose(id_))))


def style_of(data: Mapping[str, Any]) -> Style:
    return Style(data.get("signature", Style.STANDARD))


def is_live(data: Mapping[str, Any], now: datetime) -> bool:
    """Whether the secret before the present one may sign: in a style that can say so, until its end."""
    if data.get("previous_secret") is None or style_of(data) not in LISTS:
        return False
    return now < datetime.fromisoformat(data["previous_until"])
