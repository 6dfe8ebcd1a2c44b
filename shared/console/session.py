"""Who has signed in: a signed cookie that every service reads for itself."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from shared.contracts.entities import ApiKey


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its cookie holds it. `ends_at` is in seconds since 1970.

    One of an API key names it and a fingerprint of its digest: it ends with that text. One of an OpenID Connect
    provider has no key; what it may do are the `scopes` that its role had when it began.
    """

    id: str
    workspace_id: str
    name: str
    ends_at: int
    key_id: str | None = None
    fingerprint: str | None = None
    scopes: tuple[str, ...] = ()


class Sessions:
    """Seals and opens the cookies of sessions, and makes the tokens that forms prove their origin with."""

    def __init__(self, key: bytes, lasting: timedelta) -> None:
        self._cookies = URLSafeSerializer(key, "posthorn.console.session", signer_kwargs=SIGNED)
        self._notices = URLSafeSerializer(key, "posthorn.console.notice", signer_kwargs=SIGNED)
        self._key = key
        self._lasting = lasting

    def of_key(self, workspace_id: str, key_id: str, key: ApiKey, digest: str) -> Session:
        """A new session of who has shown an API key; `digest` is that of the text that was shown."""
        ends_at = self._end()
        if key.expires_at is not None:
            ends_at = min(ends_at, int(key.expires_at.timestamp()))
        return Session(new_id(), workspace_id, key.name, ends_at, key_id, fingerprint_of(digest))

    def of_role(self, workspace_id: str, name: str, scopes: tuple[str, ...]) -> Session:
        """A new session of whom a provider vouches for."""
        return Session(new_id(), workspace_id, name, self._end(), scopes=scopes)

    def seal(self, session: Session) -> str:
        return str(self._cookies.dumps(asdict(session)))

    def open(self, cookie: str) -> Session | None:
        """The session of a cookie; None where it is not ours, or has ended."""
        try:
            fields = self._cookies.loads(cookie)
        except BadSignature:
            return None
        session = Session(**{**fields, "scopes": tuple(fields["scopes"])})
        return session if session.ends_at > datetime.now(UTC).timestamp() else None

    def form_token(self, session_id: str) -> str:
        """What a form of this session carries, and no other site can know."""
        return hmac.new(self._key, b"posthorn.console.form\0" + session_id.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session_id: str, token: str) -> bool:
        return hmac.compare_digest(self.form_token(session_id).encode(), token.encode())

    def seal_notice(self, text: str) -> str:
        return str(self._notices.dumps(text))

    def open_notice(self, cookie: str) -> str | None:
        try:
            return str(self._notices.loads(cookie))
        except BadSignature:
            return None

    def _end(self) -> int:
        return int((datetime.now(UTC) + self._lasting).timestamp())


SIGNED = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


def new_id() -> str:
    return secrets.token_urlsafe(18)


def fingerprint_of(digest: str) -> str:
    """What a session remembers of a key's digest: enough to see that it is another one by now."""
    return digest[:24]
