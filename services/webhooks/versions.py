"""The next version of an endpoint's data: as it is made, changed, and given another secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.webhooks.request_rules import OwnRequest, faults_of
from services.webhooks.sealing import Seals, style_of
from services.webhooks.signing_secrets import (
    LISTS,
    InvalidSecretError,
    Style,
    check_own_secret,
    check_secret,
    new_secret,
)
from shared.contracts.entities import Endpoint
from shared.contracts.record import rfc3339
from shared.errors import Fault

REQUEST = ("method", "headers", "query", "body")
NO_PREVIOUS = {"previous_secret": None, "previous_until": None}


class InvalidEndpointError(ValueError):
    """What is wrong with an endpoint once its parts are seen together, each by its field."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("the endpoint is not valid")
        self.faults = faults


class Versions:
    """`fields` and `changes` are what a caller gives, by their names in the API; what makes no endpoint raises
    InvalidEndpointError."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    def made(self, id_: str, fields: Mapping[str, Any], now: datetime) -> tuple[dict[str, Any], str]:
        """A new endpoint's data, and its secret."""
        style = Style(fields["signature"])
        request = _changed_request(OwnRequest(), fields)
        faults = [*faults_of(request), *_secret_faults(style, fields.get("secret"))]
        if faults:
            raise InvalidEndpointError(faults)
        secret = fields.get("secret") or new_secret(style)
        plain = {name: value for name, value in fields.items() if name not in (*REQUEST, "secret")}
        endpoint = Endpoint(
            **plain,
            method=request.method,
            templates=self._seals.seal_templates(id_, request),
            secret=self._seals.seal_secret(id_, secret),
            created_at=now,
        )
        return endpoint.model_dump(mode="json"), secret

    def changed(self, id_: str, data: Mapping[str, Any], changes: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Raises UnsealError too."""
        changed = {**data, **{name: value for name, value in changes.items() if name not in REQUEST}}
        faults: list[Fault] = []
        if not changes.keys().isdisjoint(REQUEST):
            request = _changed_request(self._seals.request(id_, data), changes)
            faults += faults_of(request)
            changed |= {"method": request.method, "templates": self._seals.seal_templates(id_, request)}
        if "signature" in changes:
            faults += self._style_faults(id_, data, style_of(changed))
            changed |= {} if style_of(changed) is style_of(data) else NO_PREVIOUS
        if faults:
            raise InvalidEndpointError(faults)
        if changed["enabled"] and not data["enabled"]:
            changed["enabled_since"] = rfc3339(now)
        return changed

    def rotated(
        self, id_: str, data: Mapping[str, Any], own: str | None, overlap: timedelta, now: datetime
    ) -> tuple[dict[str, Any], str]:
        """The data with a new secret, and that. In a style with a list of signatures the old one signs for the time of
        the overlap too; the one before that has ended."""
        style = style_of(data)
        if faults := _secret_faults(style, own):
            raise InvalidEndpointError(faults)
        secret = own or new_secret(style)
        rotated = {**data, **NO_PREVIOUS, "secret": self._seals.seal_secret(id_, secret)}
        if overlap and style in LISTS:
            rotated |= {"previous_secret": data["secret"], "previous_until": rfc3339(now + overlap)}
        return rotated, secret

    def _style_faults(self, id_: str, data: Mapping[str, Any], style: Style) -> list[Fault]:
        try:
            check_secret(style, self._seals.secret(id_, data))
        except InvalidSecretError as error:
            detail = f"The endpoint's secret {error}; an endpoint of this style has to be made anew."
            return [Fault("#/signature", "signature_invalid", detail)]
        return []


def _changed_request(request: OwnRequest, changes: Mapping[str, Any]) -> OwnRequest:
    given = {name: changes[name] for name in REQUEST if name in changes}
    if "headers" in given:
        given["headers"] = {name.lower(): value for name, value in given["headers"].items()}
    return replace(request, **given)


def _secret_faults(style: Style, own: str | None) -> list[Fault]:
    try:
        if own is not None:
            check_own_secret(style, own)
    except InvalidSecretError as error:
        return [Fault("#/secret", "secret_invalid", f"The secret {error}.")]
    return []
