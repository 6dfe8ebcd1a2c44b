"""Where the host of an endpoint leads when it is configured. What counts is looked at again at every post."""

from __future__ import annotations

import asyncio
from types import TracebackType

import httpx

from services.webhooks.resolver import Resolver
from services.webhooks.urls import InvalidUrlError, UrlRules, literal_address
from shared.net import is_public

PATIENCE = 3.0
UNRESOLVED = "The URL's host does not resolve now: no webhook can be posted to it before it does."
INWARDS_TOO = "The URL's host leads to some addresses that are not public: these are never posted to."


class Names:
    """An async context. Looks up the names of hosts, unless private addresses are allowed anyway."""

    def __init__(self, rules: UrlRules) -> None:
        self._rules = rules

    async def __aenter__(self) -> Names:
        self._resolver = Resolver(threads=8)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._resolver.close()

    async def warnings(self, url: str) -> list[str]:
        """What its owner should know of a URL that is posted to all the same, such as that its name is not there yet.

        Raises InvalidUrlError for a host that leads to no public address; which ones it leads to is not told.
        """
        host = httpx.URL(url).raw_host.decode()
        if self._rules.private or literal_address(host.strip("[]")) is not None:
            return []
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._resolver.resolve(host)
        except (OSError, UnicodeError):
            return [UNRESOLVED]
        public = [is_public(each["host"]) for each in found]
        if not any(public):
            raise InvalidUrlError("url_private", "must lead to a public address")
        return [] if all(public) else [INWARDS_TOO]
