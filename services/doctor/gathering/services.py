"""What the processes say of themselves."""

from __future__ import annotations

import asyncio

import httpx

from services.doctor.checks.services import Readiness
from services.doctor.options import Options


async def gather(options: Options) -> list[Readiness]:
    async with httpx.AsyncClient(timeout=options.seconds) as client:
        return list(await asyncio.gather(*(_ask(client, url) for url in options.health_urls)))


async def _ask(client: httpx.AsyncClient, url: str) -> Readiness:
    whole = url if url.rstrip("/").endswith("/readyz") else f"{url.rstrip('/')}/readyz"
    try:
        return Readiness(whole, (await client.get(whole)).status_code)
    except httpx.HTTPError as error:
        return Readiness(whole, failure=type(error).__name__)
