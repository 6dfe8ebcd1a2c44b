"""A certificate for local names, made when it is asked for and signed by itself."""

import datetime
import ipaddress
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ("localhost", "sink.example", "*.example", "*.test")


VALID_FOR = datetime.timedelta(days=30)
RENEWED_BEFORE = datetime.timedelta(days=7)


def server_context() -> ssl.SSLContext:
    """A TLS context for a server on the loopback address with a new certificate of 30 days."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:  # the ssl module loads only from files
        pem = Path(folder) / "server.pem"
        _write(pem)
        context.load_cert_chain(pem)
    return context


def keep_certificate(pem: Path) -> None:
    """Sees to it that `pem` holds a key and a certificate that lasts for another week."""
    if pem.exists():
        certificate = x509.load_pem_x509_certificate(pem.read_bytes())
        if certificate.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + RENEWED_BEFORE:
            return
    unfinished = pem.with_suffix(".new")
    _write(unfinished)
    unfinished.replace(pem)


def _write(pem: Path) -> None:
    """A new key and certificate, in a file that only the owner can read."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0])])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.DNSName(each) for each in NAMES]
    addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([*alternatives, *addresses]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem.touch(mode=0o600)
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
