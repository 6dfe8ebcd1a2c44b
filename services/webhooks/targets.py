"""Endpoints made ready to be posted to: opened, parsed and keyed once, not at every post."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from services.webhooks.endpoints import enabled_entity
from services.webhooks.http import Request
from services.webhooks.lanes import Limits
from services.webhooks.request_rules import CONTENT_TYPE, JSON_TYPE, OwnRequest
from services.webhooks.rules import Job
from services.webhooks.sealing import Seals, is_live, style_of
from services.webhooks.settings import Settings
from services.webhooks.signing import Post, Signer, signer
from services.webhooks.templates import Templates
from shared.contracts.entities import Kind
from shared.mongo.entities import Entity
from shared.mongo.entity_cache import EntityCache

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """One version of an endpoint. `signs_until` is when its earlier secret ends, None where it has none."""

    version: int
    url: str
    method: str
    has_body: bool
    timeout: float
    sign: Signer
    signs_until: datetime | None
    templates: Templates | None

    def request(self, job: Job, now: datetime, trace: Mapping[str, str]) -> Request:
        """An attempt's request, signed over the bytes that are sent. Raises RenderedTooLargeError."""
        url, body, headers = self.url, job.body, {CONTENT_TYPE: JSON_TYPE} if self.has_body else {}
        if self.templates is not None:
            data = {"id": job.id, **orjson.loads(job.body)}
            url = self.templates.rendered_url(url, data)
            headers |= self.templates.rendered_headers(data)
            if self.templates.body is not None:
                body = self.templates.body(data).encode()
        if not self.has_body:
            headers.pop(CONTENT_TYPE, None)
            body = b""
        post = Post(job.id, job.event_type, int(now.timestamp()), body)
        headers |= {**self.sign(post), **trace}
        return Request(self.method, url, headers, body if self.has_body else None, self.timeout)


class Targets:
    """The targets of this process. A version that has changed, and an earlier secret that has ended, are made anew."""

    def __init__(self, settings: Settings, cache: EntityCache, seals: Seals) -> None:
        self._settings = settings
        self._cache = cache
        self._seals = seals
        self._targets: dict[str, Target] = {}

    async def get(self, id_: str) -> Target | None:
        """An endpoint that takes webhooks now. Raises UnsealError."""
        entity = await enabled_entity(self._cache, id_)
        if entity is None:
            return None
        now = datetime.now(UTC)
        kept = self._targets.get(id_)
        if kept is not None and kept.version == entity.version and (kept.signs_until is None or now < kept.signs_until):
            return kept
        if len(self._targets) >= MOST:
            self._targets.clear()
        target = self._targets[id_] = self._made(entity, now)
        return target

    async def limits(self, ids: Collection[str]) -> dict[str, Limits]:
        """What this process may do to the endpoints that there are, in one query for those that are not in memory."""
        found = await self._cache.many(Kind.ENDPOINT, dict.fromkeys(ids, 0))
        return {id_: limits_of(self._settings, entity.data) for id_, entity in found.items()}

    def _made(self, entity: Entity, now: datetime) -> Target:
        data = entity.data
        secrets = [self._seals.secret(entity.id, data), self._seals.previous_secret(entity.id, data, now)]
        request = self._seals.request(entity.id, data)
        return Target(
            version=entity.version,
            url=data["url"],
            method=request.method,
            has_body=request.has_body,
            timeout=self._timeout(data),
            sign=signer(style_of(data), [secret for secret in secrets if secret is not None]),
            signs_until=datetime.fromisoformat(data["previous_until"]) if is_live(data, now) else None,
            templates=None if request == OwnRequest(request.method) else request.prepared(),
        )

    def _timeout(self, data: Mapping[str, Any]) -> float:
        # renewed every third of its length: one missed renewal must not give a running post to another process
        asked = data.get("timeout_seconds") or self._settings.webhook_timeout_seconds
        return float(min(asked, self._settings.webhook_lease_seconds / 2))


def limits_of(settings: Settings, data: Mapping[str, Any]) -> Limits:
    """An endpoint's limits in one process: all of its concurrency, its part of the rate."""
    rate = data.get("rate") or settings.webhook_endpoint_rate
    concurrency = data.get("concurrency") or settings.webhook_endpoint_concurrency
    return Limits(concurrency, rate / settings.webhook_replicas)
