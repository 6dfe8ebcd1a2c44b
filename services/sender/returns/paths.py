"""Which domain the answers to a message come back to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from shared.addresses import domain_of
from shared.contracts.entities import Kind
from shared.contracts.messages import Message
from shared.mongo.entity_cache import EntityCache


class ReturnPaths:
    """The sending domain's own return path where it is verified, so that SPF is aligned with the From (RFC 7208, RFC
    9989); else the platform's."""

    def __init__(self, cache: EntityCache, platform: str | None) -> None:
        self._cache = cache
        self._platform = platform

    async def of(self, messages: Sequence[Message]) -> list[str | None]:
        """The domain for each message, in order; None where it has none."""
        wanted = {(message.workspace_id, domain_of(message.sender)) for message in messages}
        found = dict(zip(wanted, await asyncio.gather(*(self._of(*each) for each in wanted)), strict=True))
        return [found[message.workspace_id, domain_of(message.sender)] for message in messages]

    async def _of(self, workspace_id: str, domain: str) -> str | None:
        entity = await self._cache.find_one(Kind.DOMAIN, "name", domain, workspace_id)
        own: str | None = entity.data.get("return_path") if entity else None
        return own or self._platform
