"""Opening a connection: banner, EHLO, STARTTLS, AUTH (RFC 5321 sections 3.1 and 3.2, RFC 3207, RFC 4954)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime

from aiosmtplib import SMTPResponseException, SMTPServerDisconnected, SMTPTimeoutError
from aiosmtplib.auth import auth_login_encode, auth_plain_encode
from aiosmtplib.esmtp import parse_esmtp_extensions

from services.sender.bounces.live import Rules
from services.sender.smtp.connection import Connection, EndedError
from services.sender.smtp.outcomes import Outcome, Stage
from services.sender.smtp.peers import Egress, Timeouts, TlsContexts
from services.sender.smtp.replies import MalformedReplyError, Reply
from services.sender.smtp.transcript import AUTH_MASK
from services.sender.smtp.verdicts import Lost
from services.sender.tls.chain import shown_chain
from services.sender.tls.protection import Protection
from services.sender.tls.results import TlsResult, result_of
from services.sender.tls.tlsa import check_chain
from shared.contracts.messages import Host, TlsMode
from shared.failpoints import reach


async def open_connection(
    egress: Egress,
    host: Host,
    ip: str,
    protection: Protection,
    *,
    timeouts: Timeouts,
    contexts: TlsContexts,
    rules: Rules,
) -> Connection | Outcome:
    """Dials one address and talks up to the point where MAIL may be sent; a failure is its outcome."""
    connection = Connection(egress, host, ip, protection, timeouts, rules)
    try:
        await _greet(connection, contexts)
    except EndedError as ended:
        connection.drop()
        return connection.outcome(ended)
    except BaseException:
        connection.drop()
        raise
    return connection


async def _greet(connection: Connection, contexts: TlsContexts) -> None:
    timeouts, tls = connection.timeouts, connection.protection.mode
    reach("sender.dialling")
    await _dial(connection, contexts.for_mode(tls) if tls is TlsMode.IMPLICIT else None)
    banner = await connection.hear(Stage.BANNER, timeouts.banner, None)
    if not banner.positive:
        raise EndedError(Stage.BANNER, banner)
    reach("sender.greeted")
    await _hello(connection)
    reach("sender.introduced")
    if tls in (TlsMode.OPPORTUNISTIC, TlsMode.REQUIRED, TlsMode.VERIFY):
        await _start_tls(connection, contexts.for_mode(tls))
    elif tls is TlsMode.DISABLED:
        connection.tls_result = connection.protection.result
    if connection.egress.credentials is not None:
        await _authenticate(connection)


async def _dial(connection: Connection, context: ssl.SSLContext | None) -> None:
    """Connects; with a context, TLS from the first byte (RFC 8314 section 3)."""
    loop = asyncio.get_running_loop()
    ip, port, timeouts = connection.ip, connection.host.port, connection.timeouts
    sent = f"{connection.host.name} [{ip}]:{port}"
    connection.transcript.start()
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    sock, connected = socket.socket(family, socket.SOCK_STREAM), False
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if connection.egress.source is not None:
            sock.bind((connection.egress.source, 0))
        async with asyncio.timeout(timeouts.connect):
            await loop.sock_connect(sock, (ip, port))
        connected = True
        connection.transcript.add(Stage.CONNECT, sent, note="(connected)")
        await loop.create_connection(
            lambda: connection.wire,
            sock=sock,
            ssl=context,
            server_hostname=connection.protection.server_name if context else None,
            ssl_handshake_timeout=timeouts.starttls if context else None,
        )
    except TimeoutError as error:
        sock.close()
        raise connection.lost(Stage.CONNECT, Lost.TIMEOUT, f"no answer in {timeouts.connect:g} s", sent) from error
    except OSError as error:
        sock.close()
        if connected:
            raise connection.tls_failed(result_of(error), _reason(error), sent) from error
        kind = Lost.REFUSED if isinstance(error, ConnectionRefusedError) else Lost.UNREACHABLE
        raise connection.lost(Stage.CONNECT, kind, error.strerror or type(error).__name__, sent) from error
    except BaseException:
        sock.close()
        raise
    if context is not None:
        _note_tls(connection)


async def _hello(connection: Connection) -> None:
    """EHLO, and HELO where the peer knows no EHLO (RFC 5321 section 3.2)."""
    name, timeout = connection.egress.ehlo_name, connection.timeouts.ehlo
    reply = await connection.ask(Stage.EHLO, f"EHLO {name}", timeout)
    if reply.positive:
        connection.extensions, connection.auth_methods = parse_esmtp_extensions("\n".join(reply.lines))
        return
    connection.extensions, connection.auth_methods = {}, []
    if reply.code < 500:
        raise EndedError(Stage.EHLO, reply)
    reply = await connection.ask(Stage.EHLO, f"HELO {name}", timeout)
    if not reply.positive:
        raise EndedError(Stage.EHLO, reply)


async def _start_tls(connection: Connection, context: ssl.SSLContext) -> None:
    """STARTTLS, and EHLO again: what was learned in clear is forgotten (RFC 3207 section 4.2).

    Without it an opportunistic conversation goes on in clear; the other modes end here, which only defers the message.
    """
    protection = connection.protection
    optional = protection.mode is TlsMode.OPPORTUNISTIC
    if "starttls" not in connection.extensions:
        if not optional:
            raise connection.tls_failed(TlsResult.STARTTLS_NOT_SUPPORTED, "STARTTLS is not offered")
        connection.tls_result = TlsResult.STARTTLS_NOT_SUPPORTED
        return
    connection.transcript.start()
    timeout = connection.timeouts.starttls
    try:
        await connection.wire.start_tls(context, protection.server_name, timeout)
    except SMTPResponseException as error:
        reply = Reply(error.code, (error.message,))
        connection.transcript.add(Stage.STARTTLS, "STARTTLS", reply)
        connection.tls_result = TlsResult.STARTTLS_NOT_SUPPORTED
        if optional and reply.code != 421:
            return
        raise EndedError(Stage.STARTTLS, reply) from error
    except MalformedReplyError as error:
        raise connection.lost(Stage.STARTTLS, Lost.MALFORMED, str(error), "STARTTLS") from error
    except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as error:
        raise connection.tls_failed(result_of(error), _reason(error), "STARTTLS") from error
    _note_tls(connection)
    connection.transcript.add(Stage.STARTTLS, "STARTTLS", note=f"(220, {connection.tls_version})")
    reach("sender.encrypted")
    await _hello(connection)


async def _authenticate(connection: Connection) -> None:
    """AUTH PLAIN or LOGIN. A password goes out in clear only where the transport's settings say TLS is disabled."""
    credentials = connection.egress.credentials
    assert credentials is not None
    if connection.tls_version is None and connection.protection.mode is not TlsMode.DISABLED:
        raise connection.lost(Stage.AUTH, Lost.TLS, "no password is sent without TLS")
    timeout = connection.timeouts.auth
    if "plain" in connection.auth_methods:
        token = auth_plain_encode(credentials.username, credentials.password).decode()
        reply = await connection.ask(Stage.AUTH, f"AUTH PLAIN {token}", timeout, AUTH_MASK)
    elif "login" in connection.auth_methods:
        reply = await connection.ask(Stage.AUTH, "AUTH LOGIN", timeout)
        for answer in auth_login_encode(credentials.username, credentials.password):
            if reply.code == 334:
                reply = await connection.ask(Stage.AUTH, answer.decode(), timeout, AUTH_MASK)
    else:
        reply = Reply(504, ("5.5.4 neither AUTH PLAIN nor AUTH LOGIN is offered",))
        connection.transcript.add(Stage.AUTH, None, note="(neither AUTH PLAIN nor AUTH LOGIN is offered)")
    if not reply.positive:
        raise EndedError(Stage.AUTH, reply)


def _note_tls(connection: Connection) -> None:
    """What was agreed on. Raises EndedError where TLSA records ask for another certificate (RFC 7672 section 3)."""
    transport, protection = connection.wire.transport, connection.protection
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    if tls is None:
        raise connection.tls_failed(TlsResult.VALIDATION_FAILURE, "connection lost")
    connection.tls_version, cipher = tls.version(), tls.cipher()
    connection.tls_cipher = cipher[0] if cipher else None
    if protection.tlsa:
        wrong = check_chain(protection.tlsa, shown_chain(tls), protection.names, datetime.now(UTC))
        if wrong is not None:
            raise connection.tls_failed(wrong, f"no TLSA record stands for the certificate ({wrong})", "STARTTLS")
    connection.tls_result = protection.result or TlsResult.SUCCESS


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return error.reason or type(error).__name__
    return str(error) or type(error).__name__
