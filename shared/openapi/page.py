"""`/docs`: the document as a page to read and to try, of Swagger UI. Every asset of it comes from this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

PATH = "/docs"
OWN, SWAGGER_UI = "shared.openapi.static", "fastapi_swagger.resources"
# attributes alone may hold styles, as the page's script writes some
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "max-age=3600",
}
ASSETS = {
    "": (OWN, "reference.html", "text/html"),
    "/reference.js": (OWN, "reference.js", "text/javascript"),
    "/licence.txt": (OWN, "licence.txt", "text/plain"),
    "/swagger-ui-bundle.js": (SWAGGER_UI, "swagger-ui-bundle.js", "text/javascript"),
    "/swagger-ui.css": (SWAGGER_UI, "swagger-ui.css", "text/css"),
    "/favicon.png": (SWAGGER_UI, "favicon-32x32.png", "image/png"),
}


def reference_router() -> APIRouter:
    """The page and its assets; the page asks for `/openapi.json`."""
    router = APIRouter()
    for path, (package, name, media_type) in ASSETS.items():
        router.add_api_route(PATH + path, _serve(package, name, media_type), include_in_schema=False)
    return router


def _serve(package: str, name: str, media_type: str) -> Callable[[], Awaitable[Response]]:
    async def serve() -> Response:
        return Response(_read(package, name), headers=HEADERS, media_type=media_type)

    return serve


@cache
def _read(package: str, name: str) -> bytes:
    return files(package).joinpath(name).read_bytes()
