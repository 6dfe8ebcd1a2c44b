"""The console's own files, served by every service under names that change with what they hold."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

from shared.errors import not_found

PATH = "/console/assets"
STATIC = "shared.console.static"
FILES = ("console.css", "console.js", "favicon.svg", "vendor/htmx-4.0.1.min.js", "vendor/hx-sse-4.0.1.min.js")
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


def asset_url(name: str) -> str:
    """Where a file of `FILES` is served, by its content: what changes has another address."""
    return f"{PATH}/{_named()[name]}"


def assets_router() -> APIRouter:
    router = APIRouter()
    by_path = {path: name for name, path in _named().items()}

    @router.get(f"{PATH}/{{path:path}}", include_in_schema=False)
    async def asset(path: str) -> Response:
        if path not in by_path:
            raise not_found("file")
        name = by_path[path]
        return Response(_read(name), headers=HEADERS, media_type=mimetypes.guess_type(name)[0])

    return router


@cache
def _named() -> Mapping[str, str]:
    return {name: f"{hashlib.sha256(_read(name)).hexdigest()[:12]}/{name}" for name in FILES}


@cache
def _read(name: str) -> bytes:
    return files(STATIC).joinpath(*name.split("/")).read_bytes()
