"""Pages: Jinja's templates with the console's layout around them, under headers that let nothing foreign in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from shared.console.assets import asset_url
from shared.console.gate import SIGN_IN, Gate, Visitor
from shared.console.navigation import MENU, is_current
from shared.console.words import FILTERS
from shared.errors import ProblemError

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NOTICE, THEME = "posthorn_notice", "posthorn_theme"
THEMES = ("light", "dark")
ROOT = "/console"
Filter = Callable[..., Any]


class Pages:
    """Renders the templates of one service, `package`, on those that all share; `filters` are its own."""

    def __init__(self, gate: Gate, package: str, filters: Mapping[str, Filter]) -> None:
        self._gate = gate
        self._templates = Environment(
            loader=ChoiceLoader([PackageLoader(package), PackageLoader("shared.console")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # or each page asks for the age of each file that it is made of
        )
        self._templates.filters |= {**FILTERS, **filters}
        self._templates.globals |= {"asset": asset_url, "menu": MENU, "is_current": is_current}

    def show(
        self, request: Request, visitor: Visitor | None, template: str, status: int = 200, **shown: Any
    ) -> Response:
        """A whole page; `visitor` None is nobody who has signed in."""
        notice = self._gate.sessions.open_notice(request.cookies.get(NOTICE, ""))
        theme = request.cookies.get(THEME)
        response = HTMLResponse(
            self.part(
                template,
                visitor=visitor,
                path=request.url.path,
                theme=theme if theme in THEMES else None,
                notice=notice,
                **shown,
            ),
            status,
            HEADERS,
        )
        if notice is not None:
            response.delete_cookie(NOTICE, path=ROOT)
        return response

    def part(self, template: str, **shown: Any) -> str:
        """A template as text."""
        return self._templates.get_template(template).render(**shown)

    def fragment(self, template: str, **shown: Any) -> Response:
        """A part of a page, for a page that is there already."""
        return HTMLResponse(self.part(template, **shown), headers=HEADERS)

    def go(self, url: str, notice: str | None = None) -> Response:
        """On to a page after a form was taken (303, RFC 9110 section 15.4.4), which shows the notice once."""
        response = RedirectResponse(url, 303, HEADERS)
        if notice is not None:
            sealed = self._gate.sessions.seal_notice(notice)
            response.set_cookie(
                NOTICE, sealed, max_age=60, path=ROOT, secure=self._gate.secure, httponly=True, samesite="lax"
            )
        return response

    def problem(self, request: Request, problem: ProblemError) -> Response:
        """A problem as a page; who has to sign in is led there, and back afterwards."""
        if problem.status == 401:
            return self._led_to_sign_in(request)
        if "hx-request" in request.headers:
            return HTMLResponse(self.part("problem.html", problem=problem), problem.status, HEADERS)
        return self.show(request, None, "problem_page.html", problem.status, problem=problem)

    def _led_to_sign_in(self, request: Request) -> Response:
        here = request.headers.get("hx-current-url") if "hx-request" in request.headers else str(request.url)
        parts = urlsplit(here or ROOT)
        back = f"{parts.path}?{parts.query}" if parts.query else parts.path
        url = f"{SIGN_IN}?{urlencode({'next': back})}" if request.method == "GET" else SIGN_IN
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={**HEADERS, "HX-Redirect": url})
        return RedirectResponse(url, 303, HEADERS)
