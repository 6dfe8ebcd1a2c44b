"""Who may see a page or press a button: the session of its cookie, checked against this service's copy of the key."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Depends, Request

from shared.auth import Authenticator, Principal
from shared.console.session import Session, Sessions
from shared.errors import ProblemError

SIGN_IN = "/console/sign-in"
FORM_FIELD = "form_token"
MOST_FORM_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page, and the token that its forms carry."""

    principal: Principal
    session: Session
    form_token: str

    @property
    def workspace_id(self) -> str:
        return self.principal.workspace_id

    def may(self, scope: str) -> bool:
        return scope in self.principal.key.scopes


class Gate:
    """Lets visitors in, or raises the problem that is their answer: 401 leads to the sign-in, 403 tells what lacks."""

    def __init__(self, authenticator: Authenticator, sessions: Sessions, *, secure: bool) -> None:
        self._authenticator = authenticator
        self.sessions = sessions
        self.secure = secure
        self.cookie = "__Host-posthorn" if secure else "posthorn"

    async def visitor(self, request: Request) -> Visitor:
        """The request's visitor; raises a 401 problem where nobody has signed in, or the key is there no more."""
        session = self.sessions.open(request.cookies.get(self.cookie, ""))
        if session is None:
            raise ProblemError(401, "sign_in_needed", "Please sign in.")
        principal = await self._authenticator.of_session(session)
        if principal is None:
            raise ProblemError(401, "session_ended", "Your session has ended: its key or workspace is there no more.")
        principal.require_address(self._authenticator.address_of(request))
        return Visitor(principal, session, self.sessions.form_token(session.id))

    def page(self, scope: str | None = None) -> Visitor:
        """A FastAPI default for a handler that shows something; with a `scope`, only to whom has it."""

        async def dependency(request: Request) -> Visitor:
            visitor = await self.visitor(request)
            if scope is not None:
                visitor.principal.require_scope(scope)
            return visitor

        return Depends(dependency)  # type: ignore[no-any-return]

    def action(self, scope: str | None = None) -> Visitor:
        """A FastAPI default for a handler that changes something: the request comes from a form of this session."""

        async def dependency(request: Request) -> Visitor:
            visitor = await self.visitor(request)
            require_own_form(request)
            self.require_token(visitor, (await request.form()).get(FORM_FIELD))
            if scope is not None:
                visitor.principal.require_scope(scope)
            return visitor

        return Depends(dependency)  # type: ignore[no-any-return]

    def require_token(self, visitor: Visitor, given: object) -> None:
        """Raises a 403 problem where what a form gave as its token is not that of the visitor's session."""
        if not isinstance(given, str) or not self.sessions.is_form_token(visitor.session.id, given):
            raise ProblemError(403, "foreign_form", "This form is not of your session; please load the page again.")


def require_own_form(request: Request) -> None:
    """As `require_own_site`; raises a 413 problem where the form is larger than any of ours that has no file."""
    require_own_site(request)
    size = request.headers.get("content-length", "")
    if not size.isdecimal() or int(size) > MOST_FORM_BYTES:
        raise ProblemError(413, "too_large", f"A form has at most {MOST_FORM_BYTES} bytes, and says how many.")


def require_own_site(request: Request) -> None:
    """Raises a 403 problem where another site had the browser send this (Fetch Metadata; Origin, RFC 6454 section
    7)."""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ProblemError(403, "foreign_form", "This request comes from another site.")


def safe_target(wanted: str) -> str:
    """Where a sign-in leads afterwards: a page of the console, whatever was asked for."""
    parts = urlsplit(wanted)
    own = not parts.scheme and not parts.netloc and (parts.path == "/console" or parts.path.startswith("/console/"))
    return wanted if own and "\\" not in wanted and not wanted.startswith(SIGN_IN) else "/console"
