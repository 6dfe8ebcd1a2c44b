"""What a service composes its part of the console of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from fastapi import Request
from fastapi.responses import StreamingResponse

from shared.api import Api, ServiceRouter, service_router
from shared.console.gate import Gate
from shared.console.live import Looks, Render, Stream
from shared.console.pages import ROOT, Filter, Pages
from shared.console.session import Sessions
from shared.service import Base


class Console:
    """The gate, the pages of one service (its templates are in `package`, with its own `filters`), and routers to hang
    them on."""

    def __init__(self, base: Base, package: str, filters: Mapping[str, Filter] = MappingProxyType({})) -> None:
        settings = base.settings
        self._tracing = base.tracing
        sessions = Sessions(settings.token_key_bytes, timedelta(hours=settings.console_session_hours))
        self.gate = Gate(base.authenticator, sessions, secure=settings.public_url.startswith("https:"))
        self.pages = Pages(self.gate, package, filters)
        self._looks = Looks()

    def router(self) -> ServiceRouter:
        """A router of pages, which stand in no API document; what goes wrong below `/console` is a page too."""
        router = service_router(self._tracing, in_schema=False)
        router.shapes[ROOT] = self.pages.problem
        return router

    async def live(self, request: Request, render: Render, *, is_alike: bool = False) -> StreamingResponse:
        """A stream of a part of a page; see `shared.console.live`. `is_alike` where what `render` gives depends on
        nothing but the workspace and the request's URL."""
        api = request.app
        stopping = api.stopping if isinstance(api, Api) else asyncio.Event()
        return await Stream(self.gate, request, render, stopping, self._looks, is_alike).response()
