"""Knocks at the SMTP doors as a client does: greeting, EHLO, STARTTLS, handshake."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import replace

from cryptography import x509

from services.doctor.checks.doors import Certificate, DoorFacts
from services.doctor.options import Options, place

SUBMISSION_PORT, SMTP_PORT = 587, 25
NAMES = x509.SubjectAlternativeName


async def gather(options: Options) -> list[DoorFacts]:
    doors = []
    if options.smtp_door:
        host, port = place(options.smtp_door, SUBMISSION_PORT)
        doors.append(DoorFacts("the SMTP door", host, port, "POSTHORN_SMTP_CERTIFICATE_FILE", public=True))
    if options.return_door:
        host, port = place(options.return_door, SMTP_PORT)
        doors.append(DoorFacts("the return door", host, port, "POSTHORN_RETURNS_CERTIFICATE_FILE", public=False))
    return list(await asyncio.gather(*(_look(door, options) for door in doors)))


async def _look(door: DoorFacts, options: Options) -> DoorFacts:
    """Verified first; where that fails, once more without, to see what is shown."""
    verify = ssl.create_default_context(cafile=options.ca_file)
    if options.ca_file:
        verify.load_default_certs()
    anyhow = ssl.create_default_context()
    anyhow.check_hostname, anyhow.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(options.seconds * 0.9):
            try:
                return await _knock(door, verify)
            except ssl.SSLCertVerificationError as error:
                found = await _knock(door, anyhow)
                shown = found.certificate and replace(found.certificate, distrusted=error.verify_message)
                return replace(found, certificate=shown)
    except TimeoutError:
        return replace(door, failure="does not answer in time")
    except ssl.SSLError:
        return replace(door, starttls=True)
    except (OSError, EOFError) as error:
        return replace(door, failure=f"does not answer: {getattr(error, 'strerror', None) or type(error).__name__}")


async def _knock(door: DoorFacts, context: ssl.SSLContext) -> DoorFacts:
    """Raises OSError, EOFError and ssl.SSLError."""
    reader, writer = await asyncio.open_connection(door.host, door.port)
    try:
        greeting = await _reply(reader)
        if not greeting[-1].startswith("220"):
            return replace(door, failure=f"does not want to talk: {greeting[-1]}")
        writer.write(b"EHLO doctor.invalid\r\n")
        if not any(line[4:].upper() == "STARTTLS" for line in await _reply(reader)):
            return door
        writer.write(b"STARTTLS\r\n")
        if not (await _reply(reader))[-1].startswith("220"):
            return replace(door, starttls=True)
        await writer.start_tls(context, server_hostname=door.host)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return replace(door, starttls=True, certificate=_read(shown))
    finally:
        writer.close()
        with suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


async def _reply(reader: asyncio.StreamReader) -> list[str]:
    """The lines of one reply (RFC 5321 section 4.2.1). Raises EOFError where the peer has gone."""
    lines: list[str] = []
    while not lines or lines[-1][3:4] == "-":
        line = await reader.readline()
        if not line:
            raise EOFError
        lines.append(line.decode("utf-8", "replace").rstrip())
    return lines


def _read(der: bytes) -> Certificate:
    certificate = x509.load_der_x509_certificate(der)
    try:
        names = certificate.extensions.get_extension_for_class(NAMES).value
    except x509.ExtensionNotFound:
        names = NAMES([])
    addresses = [str(each) for each in names.get_values_for_type(x509.IPAddress)]
    return Certificate(
        [*names.get_values_for_type(x509.DNSName), *addresses],
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )
