"""How an address is named in the database: by HMACs, and sealed."""

from __future__ import annotations

from services.suppression.documents.identity import Named, identity_of, key_of
from services.suppression.rules import Entry, Place
from shared.contracts.purposes import suppression_purpose
from shared.secrets import SecretBox, address_hmac, digest


class Naming:
    """`pepper` keys the HMACs, `box` seals."""

    def __init__(self, pepper: bytes, box: SecretBox) -> None:
        self._pepper = pepper
        self._box = box

    def digest(self, address: str) -> str:
        return address_hmac(self._pepper, address)

    def key(self, place: Place, address: str) -> str:
        return key_of(place, self.digest(address))

    def named(self, place: Place, address: str) -> Named:
        lower = address.lower()
        identity = identity_of(place, self.digest(lower))
        local_part, _, domain = lower.rpartition("@")
        sealed = self._box.seal(lower.encode(), suppression_purpose(identity["_id"]))
        return Named(identity, sealed, [self.part(local_part), self.part(domain)])

    def part(self, part: str) -> str:
        """The HMAC of what stands before or after an address's @."""
        return digest(self._pepper, part, "address-part")

    def open(self, entry: Entry) -> str | None:
        """The clear address, for the eyes of its place alone; None of who was erased. Raises UnsealError."""
        return None if entry.address is None else self._box.open(entry.address, suppression_purpose(entry.key)).decode()
