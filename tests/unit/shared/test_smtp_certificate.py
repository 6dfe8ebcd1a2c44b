"""The door's certificate is loaded again when it changes, and kept where the new one cannot be used."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from shared.smtp.certificate import Certificate, CertificateError


def write(folder: Path, authority: trustme.CA, ends: datetime | None = None) -> tuple[Path, Path]:
    issued = authority.issue_cert("localhost", not_after=ends)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    return chain, key


def shakes_hands(context: ssl.SSLContext, authority: trustme.CA) -> bool:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trusting)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(down, up, server_hostname="localhost")
    server = context.wrap_bio(up, down, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError:
            return False
    return True


async def test_a_changed_certificate_is_loaded_and_a_broken_one_is_not(tmp_path: Path) -> None:
    first, second = trustme.CA(), trustme.CA()
    chain, key = write(tmp_path, first)
    certificate = Certificate(chain, key)
    certificate.load()
    assert certificate.ends_at > datetime.now(UTC)
    assert shakes_hands(certificate.context, first)
    key.write_text("broken")
    await certificate.refresh()
    assert shakes_hands(certificate.context, first)
    chain.unlink()
    await certificate.refresh()
    assert shakes_hands(certificate.context, first)
    write(tmp_path, second, datetime(2040, 1, 1, tzinfo=UTC))
    await certificate.refresh()
    assert shakes_hands(certificate.context, second)
    assert not shakes_hands(certificate.context, first)
    assert certificate.ends_at == datetime(2040, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, "", "broken"])
def test_without_a_certificate_there_is_no_door(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "server.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CertificateError):
        Certificate(file, None).load()
    with pytest.raises(CertificateError, match="no certificate"):
        Certificate(None, None).load()
