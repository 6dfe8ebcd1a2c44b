"""Making DKIM keys: outside the event loop, and sealed for the one domain that they are for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from shared.contracts.entities import DkimKeyPair, KeyState
from shared.contracts.purposes import dkim_purpose
from shared.dkim_keys import ED25519, RSA, generate_ed25519_key, generate_key
from shared.secrets import SecretBox


class KeyMaker:
    """Makes RSA keys of 2048 bits (RFC 8301 section 3.2) and Ed25519 keys (RFC 8463)."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    async def make(self, domain_id: str, selector: str, algorithm: str = RSA) -> DkimKeyPair:
        """A new key, pending until the DNS shows it."""
        generate = generate_ed25519_key if algorithm == ED25519 else generate_key
        private, public = await asyncio.to_thread(generate)
        made = self.sealed(domain_id, selector, private, public, KeyState.PENDING)
        return made.with_changes(algorithm=algorithm)

    def sealed(self, domain_id: str, selector: str, private: str, public: str, state: KeyState) -> DkimKeyPair:
        """A key whose halves are there; `private` is PEM, `public` base64."""
        kept = self._box.seal(private.encode(), dkim_purpose(domain_id))
        return DkimKeyPair(selector=selector, public_key=public, private_key=kept, state=state, since=datetime.now(UTC))

    def opened(self, domain_id: str, key: DkimKeyPair) -> str:
        """The private half as PEM; raises UnsealError."""
        return self._box.open(key.private_key, dkim_purpose(domain_id)).decode()
