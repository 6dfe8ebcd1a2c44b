"""What every Kafka client of a process is made with: where Kafka is, and how it is spoken to and as whom."""

from __future__ import annotations

from ssl import SSLContext
from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.connections import ConnectionSettings
from shared.tls import TlsFiles, client_context

SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def servers_of(settings: ConnectionSettings) -> list[str]:
    return settings.kafka_bootstrap.split(",")


def client_arguments(settings: ConnectionSettings) -> dict[str, Any]:
    """For aiokafka's producers, consumers and admin clients. Raises OSError where a TLS file cannot be used."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": servers_of(settings),
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": _context(settings),
    }
    if settings.kafka_sasl:
        assert settings.kafka_password is not None
        arguments |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return arguments


def broker_security(settings: ConnectionSettings) -> BaseSecurity:
    """The same for FastStream's broker."""
    context = _context(settings)
    if not settings.kafka_sasl:
        return BaseSecurity(ssl_context=context)
    assert settings.kafka_username is not None
    assert settings.kafka_password is not None
    kind = SASL[settings.kafka_sasl_mechanism]
    return kind(settings.kafka_username, settings.kafka_password.get_secret_value(), ssl_context=context)


def _context(settings: ConnectionSettings) -> SSLContext | None:
    if not settings.kafka_tls:
        return None
    return client_context(TlsFiles(settings.kafka_ca_file, settings.kafka_certificate_file, settings.kafka_key_file))
