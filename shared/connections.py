"""The settings of the connections to Kafka and MongoDB, and which of them make sense together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.setting_sources import PosthornSettings

Fault = tuple[str, str]
"""A setting's name without `POSTHORN_`, and what is wrong with it."""


class ConnectionSettings(PosthornSettings):
    """How Kafka and MongoDB are reached, and as whom; no value stands in an error or a repr that could be a secret."""

    mongo_url: str = Field(
        "mongodb://127.0.0.1:27017/?replicaSet=rs0", repr=False, description="MongoDB, a replica set"
    )
    db_prefix: str = Field("posthorn_", description="put before each service's database name")
    mongo_username: str | None = Field(None, description="user at MongoDB; none: as the URL says, or nobody")
    mongo_password: SecretStr | None = Field(None, description="its password")
    mongo_auth_source: str | None = Field(None, description="database that the user is defined in; none: `admin`")
    mongo_ca_file: Path | None = Field(
        None,
        description="authorities (PEM) that MongoDB's certificate is of, read again when they change; turns TLS on",
    )
    mongo_certificate_file: Path | None = Field(
        None, description="client certificate with its key (PEM) for MongoDB, read again when it changes"
    )

    topic_prefix: str = Field("", description="put before each topic and consumer group")
    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, comma separated")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how Kafka is spoken to: SSL encrypts, SASL says who we are"
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="how the password is shown; PLAIN over SASL_SSL only"
    )
    kafka_username: str | None = Field(None, description="user at Kafka, with a SASL protocol")
    kafka_password: SecretStr | None = Field(None, description="its password")
    kafka_ca_file: Path | None = Field(
        None, description="authorities (PEM) that Kafka's certificates are of, read again when they change; none: the "
        "system's"
    )  # fmt: skip
    kafka_certificate_file: Path | None = Field(
        None, description="client certificate (PEM) for Kafka, read again when it changes"
    )
    kafka_key_file: Path | None = Field(None, description="its key (PEM); none: in the certificate's file")

    @property
    def kafka_tls(self) -> bool:
        return self.kafka_security_protocol.endswith("SSL")

    @property
    def kafka_sasl(self) -> bool:
        return self.kafka_security_protocol.startswith("SASL")

    @property
    def mongo_tls(self) -> bool:
        """Whether MongoDB is spoken to over TLS: as the URL says, or as soon as there are authorities for it."""
        said = _tls_of(self.mongo_url)
        return self.mongo_ca_file is not None if said is None else said

    def topic(self, name: str) -> str:
        return f"{self.topic_prefix}{name}"

    def group(self, name: str) -> str:
        """A consumer group's name, e.g. of `router.critical`."""
        return f"{self.topic_prefix}posthorn.{name}"

    def database(self, service: str) -> str:
        return f"{self.db_prefix}{service}"

    @model_validator(mode="after")
    def _make_sense(self) -> ConnectionSettings:
        faults = [*_kafka_faults(self), *_mongo_faults(self), *_file_faults(self)]
        if faults:
            raise ValidationError.from_exception_data(
                type(self).__name__,
                [
                    InitErrorDetails(
                        type=PydanticCustomError("connection", "{text}", {"text": text}), loc=(name,), input=None
                    )
                    for name, text in faults
                ],
            )
        return self


def _kafka_faults(settings: ConnectionSettings) -> Iterator[Fault]:
    protocol = settings.kafka_security_protocol
    user, password = settings.kafka_username, settings.kafka_password
    if settings.kafka_sasl:
        if not user or not password:
            yield "kafka_username", f"{protocol} needs POSTHORN_KAFKA_USERNAME and POSTHORN_KAFKA_PASSWORD"
    elif user or password:
        yield "kafka_security_protocol", f"a user and a password need SASL_SSL, not {protocol}"
    if protocol == "SASL_PLAINTEXT" and settings.kafka_sasl_mechanism == "PLAIN":
        yield "kafka_sasl_mechanism", "PLAIN shows the password to the network over SASL_PLAINTEXT: use SASL_SSL"
    if not settings.kafka_tls:
        for name in ("kafka_ca_file", "kafka_certificate_file"):
            if getattr(settings, name):
                yield name, f"means nothing over {protocol}: use SSL or SASL_SSL"
    if settings.kafka_key_file and not settings.kafka_certificate_file:
        yield "kafka_key_file", "is the key of no certificate: set POSTHORN_KAFKA_CERTIFICATE_FILE too"


def _mongo_faults(settings: ConnectionSettings) -> Iterator[Fault]:
    user, password = settings.mongo_username, settings.mongo_password
    if user and not password:
        yield "mongo_password", "is missing for POSTHORN_MONGO_USERNAME"
    if password and not user:
        yield "mongo_username", "is missing for POSTHORN_MONGO_PASSWORD"
    if settings.mongo_auth_source and not user:
        yield "mongo_auth_source", "means nothing without POSTHORN_MONGO_USERNAME"
    if user and "@" in urlsplit(settings.mongo_url).netloc:
        yield "mongo_url", "names a user, and POSTHORN_MONGO_USERNAME another: give one of them"
    for name in ("mongo_ca_file", "mongo_certificate_file"):
        if getattr(settings, name) and not settings.mongo_tls:
            yield name, "means nothing without TLS: put tls=true into POSTHORN_MONGO_URL"


def _file_faults(settings: ConnectionSettings) -> Iterator[Fault]:
    names = (
        "kafka_ca_file", "kafka_certificate_file", "kafka_key_file", "mongo_ca_file", "mongo_certificate_file",
    )  # fmt: skip
    for name in names:
        path = getattr(settings, name)
        if path is not None and not os.access(path, os.R_OK):
            yield name, f"{path} cannot be read"


def _tls_of(url: str) -> bool | None:
    """What a connection string says of TLS, None where it is silent; `mongodb+srv` means TLS by itself."""
    parts = urlsplit(url)
    options = {name.lower(): values[-1].lower() for name, values in parse_qs(parts.query).items()}
    said = options.get("tls", options.get("ssl"))
    if said is None:
        return True if parts.scheme == "mongodb+srv" else None
    return said == "true"
