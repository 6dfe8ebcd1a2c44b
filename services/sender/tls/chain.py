"""The certificates that a peer showed, as it showed them."""

from __future__ import annotations

import ssl
from typing import Any

_DER = 2  # _ssl.ENCODING_DER


def shown_chain(tls: ssl.SSLObject) -> list[bytes]:
    """DER, the peer's own first, unverified. Python gives them out from 3.13 on; before, the object below has them."""
    if hasattr(tls, "get_unverified_chain"):
        return list(tls.get_unverified_chain())
    below: Any = tls._sslobj  # type: ignore[attr-defined]
    return [certificate.public_bytes(_DER) for certificate in below.get_unverified_chain() or ()]
