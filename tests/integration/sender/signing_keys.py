"""Domains with keys that a test has the public halves of, and dkimpy's word on what they signed."""

from __future__ import annotations

from typing import Any

import dkim

from shared.contracts.entities import Kind
from shared.dkim_keys import ED25519, RSA, generate_ed25519_key, generate_key, txt_record
from shared.secrets import SecretBox
from tests.integration.sender.world import World

DOMAIN = "acme.example"


class Keys:
    """The keys of the domain `acme.example` of one workspace, by selector, and of others that are added."""

    def __init__(self, world: World, workspace: str = "w1", id_: str = "d1") -> None:
        self._world, self._workspace, self._id = world, workspace, id_
        self._pairs: list[dict[str, str]] = []
        self.records: dict[str, str] = {}

    def add(self, selector: str, algorithm: str = RSA) -> None:
        private, public = generate_ed25519_key() if algorithm == ED25519 else generate_key(1024)
        box = SecretBox(self._world.deployment.shared.encryption_key_bytes)
        sealed = box.seal(private.encode(), f"dkim:{self._id}")
        self._pairs.append({"selector": selector, "algorithm": algorithm, "public_key": public, "private_key": sealed})
        self.records[f"{selector}._domainkey.{DOMAIN}."] = txt_record(public, algorithm)

    async def say(self, version: int, **fields: Any) -> None:
        """Has the sender's copy of the domain at a version."""
        data = {"name": DOMAIN, "verified": True, "keys": self._pairs, **fields}
        await self._world.know(Kind.DOMAIN, self._id, data, self._workspace, version)

    def verified(self, raw: bytes) -> dict[str, bool]:
        """Whether each signature holds, by its selector."""
        found = dkim.DKIM(raw)
        count = sum(name.lower() == b"dkim-signature" for name, _ in found.headers)
        told = {}
        for index in range(count):
            holds = found.verify(index, dnsfunc=lambda name, timeout=5: self.records.get(name.decode(), "").encode())
            told[found.selector.decode()] = bool(holds)
        return told
