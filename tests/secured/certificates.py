"""An authority of the test, and what it issues, as the files that servers and clients want."""

from __future__ import annotations

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from deploy.local.ports import HOST


class Authority:
    """`ca_file` is what its clients trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def issue(self, name: str) -> Path:
        """A certificate for the loopback address, `name` its common name, with its key (PKCS #8, as Java reads it)."""
        issued = self._ca.issue_cert(HOST, common_name=name)
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        file = self._folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + b"".join(each.bytes() for each in issued.cert_chain_pems)
        )
        return file
