"""An OpenID Connect provider as the console asks it: authorization code with PKCE (OpenID Connect Core 1.0 section 3.1,
RFC 7636)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import StarletteOAuth2App
from joserfc.errors import JoseError

DISCOVERY = "/.well-known/openid-configuration"
TIMEOUT = 10.0


class ProviderError(Exception):
    """The provider cannot be asked, or does not vouch; the text is for who wants to sign in."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the browser goes, and what it has to bring back with the code."""

    url: str
    state: str
    nonce: str
    verifier: str


class Provider:
    """One provider. Its metadata and keys are fetched when they are first needed, keys again when they are replaced."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, scope: str) -> None:
        self._issuer = issuer
        self._app = StarletteOAuth2App(
            None,
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=issuer.rstrip("/") + DISCOVERY,
            client_kwargs={"scope": scope, "code_challenge_method": "S256", "timeout": TIMEOUT},
        )

    async def ask(self, redirect_uri: str) -> Asked:
        """Raises ProviderError."""
        try:
            await self._require_issuer()
            asked = await self._app.create_authorization_url(redirect_uri)
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderError("The identity provider cannot be reached; please try again.") from error
        return Asked(asked["url"], asked["state"], asked["nonce"], asked["code_verifier"])

    async def claims(self, redirect_uri: str, code: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Redeems a code, and returns the claims of its ID token: signed by the provider, for us, in this flow, not
        expired. Raises ProviderError."""
        try:
            await self._require_issuer()
            token = await self._app.fetch_access_token(redirect_uri=redirect_uri, code=code, code_verifier=verifier)
            claims = await self._app.parse_id_token(token, nonce=nonce)
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderError("The identity provider cannot be reached; please try again.") from error
        except (AuthlibBaseError, JoseError) as error:
            raise ProviderError("The identity provider does not vouch for you; please try again.") from error
        if claims is None:
            raise ProviderError("The identity provider gave no ID token.")
        return dict(claims)

    async def _require_issuer(self) -> None:
        """OpenID Connect Discovery 1.0 section 4.3."""
        metadata = await self._app.load_server_metadata()
        if metadata.get("issuer") != self._issuer:
            raise ProviderError("The identity provider is not the one that was configured.")
