"""Making DKIM keys: outside the event loop, and sealed for the one domain that they are for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from shared.contracts.entities import DkimKeyPair, KeyState
from shared.dkim_keys import generate_key
from shared.secrets import SecretBox


class KeyMaker:
    """Makes RSA keys of 2048 bits (RFC 8301 section 3.2)."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    async def make(self, domain_id: str, selector: str) -> DkimKeyPair:
        """A new key, pending until the DNS shows it."""
        private, public = await asyncio.to_thread(generate_key)
        return self.sealed(domain_id, selector, private, public, KeyState.PENDING)

    def sealed(self, domain_id: str, selector: str, private: str, public: str, state: KeyState) -> DkimKeyPair:
        """A key whose halves are there; `private` is PEM, `public` base64."""
        kept = self._box.seal(private.encode(), _purpose(domain_id))
        return DkimKeyPair(selector=selector, public_key=public, private_key=kept, state=state, since=datetime.now(UTC))

    def opened(self, domain_id: str, key: DkimKeyPair) -> str:
        """The private half as PEM; raises UnsealError."""
        return self._box.open(key.private_key, _purpose(domain_id)).decode()


def _purpose(domain_id: str) -> str:
    return f"dkim:{domain_id}"
