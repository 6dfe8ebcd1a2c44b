"""A client's TLS files are read again when they change, and kept where the new ones cannot be used."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

from shared.tls import TlsFiles, client_context


def server_of(authority: trustme.CA, clients: trustme.CA | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # in which the client hears within the handshake
    return context


def shakes_hands(client_side: ssl.SSLContext, server_side: ssl.SSLContext) -> bool:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(down, up, server_hostname="localhost")
    server = server_side.wrap_bio(up, down, server_side=True)
    for side in (client, server) * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError:
            return False
    return True


def test_a_new_authority_is_trusted_by_the_next_connection_and_the_old_one_still(tmp_path: Path) -> None:
    first, second = trustme.CA(), trustme.CA()
    file = tmp_path / "ca.pem"
    first.cert_pem.write_to_path(str(file))
    context = client_context(TlsFiles(file))
    assert shakes_hands(context, server_of(first))
    assert not shakes_hands(context, server_of(second))
    second.cert_pem.write_to_path(str(file))
    assert shakes_hands(context, server_of(second))
    assert shakes_hands(context, server_of(first))


def test_a_renewed_certificate_is_shown_by_the_next_connection(tmp_path: Path) -> None:
    authority, old, new = trustme.CA(), trustme.CA(), trustme.CA()
    ca, chain = tmp_path / "ca.pem", tmp_path / "client.pem"
    authority.cert_pem.write_to_path(str(ca))
    old.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(chain))
    context, server = client_context(TlsFiles(ca, chain)), server_of(authority, clients=new)
    assert not shakes_hands(context, server)
    new.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(chain))
    assert shakes_hands(context, server)


def test_files_that_cannot_be_used_change_nothing(tmp_path: Path) -> None:
    authority = trustme.CA()
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    context = client_context(TlsFiles(file))
    file.write_text("half a file")
    assert shakes_hands(context, server_of(authority))
    file.unlink()
    assert shakes_hands(context, server_of(authority))
