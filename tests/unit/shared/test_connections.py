"""Which settings of the connections go together, what clients are made with, and that no secret shows."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from faststream.kafka.security import parse_security
from pydantic import ValidationError

from shared.connections import ConnectionSettings
from shared.kafka.security import broker_security, client_arguments
from shared.mongo.client import make_client
from shared.mongo.security import security_arguments
from shared.settings import SharedSettings

SECRET = "correct-horse-battery"
KAFKA = {"kafka_username": "posthorn-sender", "kafka_password": SECRET}
MONGO = {"mongo_username": "posthorn-sender", "mongo_password": SECRET}
HOST = "mongodb://mongo.example:27017/?replicaSet=rs0"


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "client.pem"
    trustme.CA().issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(file))
    return file


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (KAFKA, {"kafka_security_protocol"}),
        ({**KAFKA, "kafka_security_protocol": "SSL"}, {"kafka_security_protocol"}),
        ({"kafka_security_protocol": "SASL_SSL"}, {"kafka_username"}),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_username": "one"}, {"kafka_username"}),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_password": SECRET}, {"kafka_username"}),
        (
            {**KAFKA, "kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_mechanism": "PLAIN"},
            {"kafka_sasl_mechanism"},
        ),
        ({"kafka_security_protocol": "TLS"}, {"kafka_security_protocol"}),
        ({"kafka_sasl_mechanism": "OAUTHBEARER"}, {"kafka_sasl_mechanism"}),
        ({"kafka_ca_file": __file__}, {"kafka_ca_file"}),
        ({"kafka_certificate_file": __file__}, {"kafka_certificate_file"}),
        ({"kafka_security_protocol": "SSL", "kafka_key_file": __file__}, {"kafka_key_file"}),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": "/not/there"}, {"kafka_ca_file"}),
        ({"mongo_username": "one"}, {"mongo_password"}),
        ({"mongo_password": SECRET}, {"mongo_username"}),
        ({"mongo_auth_source": "admin"}, {"mongo_auth_source"}),
        ({**MONGO, "mongo_url": f"mongodb://other:{SECRET}@mongo.example/"}, {"mongo_url"}),
        ({"mongo_url": f"{HOST}&tls=false", "mongo_ca_file": __file__}, {"mongo_ca_file"}),
        ({"mongo_certificate_file": __file__}, {"mongo_certificate_file"}),
        ({"mongo_ca_file": "/not/there"}, {"mongo_ca_file"}),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_settings_name_and_shows_no_secret(
    given: dict[str, Any], names: set[str]
) -> None:
    with pytest.raises(ValidationError) as refused:
        ConnectionSettings(**given)
    assert {fault["loc"][0] for fault in refused.value.errors()} == names
    assert SECRET not in f"{refused.value} {refused.value.errors()}"


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        ConnectionSettings(**KAFKA, mongo_username="one", mongo_ca_file="/not/there")
    assert {fault["loc"][0] for fault in refused.value.errors()} == {
        "kafka_security_protocol", "mongo_password", "mongo_ca_file",
    }  # fmt: skip


def test_no_secret_stands_in_a_repr() -> None:
    url = f"mongodb://one:{SECRET}@mongo.example/"
    settings = ConnectionSettings(**KAFKA, kafka_security_protocol="SASL_SSL", mongo_url=url)
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump(exclude={'mongo_url'})}"
    assert SECRET not in repr(ConnectionSettings(**MONGO))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_clients_and_the_broker_are_told_the_same(ca: Path, mechanism: str) -> None:
    settings = ConnectionSettings(
        **KAFKA, kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism=mechanism, kafka_ca_file=ca,
        kafka_bootstrap="one:9093,two:9093",
    )  # fmt: skip
    of_client, of_broker = client_arguments(settings), parse_security(broker_security(settings))
    assert of_client.pop("bootstrap_servers") == ["one:9093", "two:9093"]
    contexts = [each.pop("ssl_context") for each in (of_client, of_broker)]
    assert of_client == of_broker
    for context in contexts:
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert len(context.get_ca_certs()) == 1


def test_without_settings_nothing_is_encrypted_and_nobody_is_named() -> None:
    settings = ConnectionSettings()
    expected = {"security_protocol": "PLAINTEXT", "ssl_context": None}
    assert client_arguments(settings) == {"bootstrap_servers": ["127.0.0.1:9092"], **expected}
    assert parse_security(broker_security(settings)) == expected
    assert security_arguments(settings) == {}


def test_a_client_certificate_is_shown_to_kafka_without_a_user(ca: Path, certificate: Path) -> None:
    settings = ConnectionSettings(kafka_security_protocol="SSL", kafka_ca_file=ca, kafka_certificate_file=certificate)
    arguments, of_broker = client_arguments(settings), parse_security(broker_security(settings))
    assert arguments["security_protocol"] == of_broker["security_protocol"] == "SSL"
    assert not {"sasl_mechanism", "sasl_plain_username"} & {*arguments, *of_broker}


@pytest.mark.parametrize(
    ("url", "with_ca", "encrypted"),
    [
        (HOST, False, False),
        (HOST, True, True),
        (f"{HOST}&tls=true", False, True),
        (f"{HOST}&ssl=true", False, True),
        (f"{HOST}&tls=false", False, False),
        ("mongodb+srv://mongo.example/", False, True),
        ("mongodb+srv://mongo.example/?tls=false", False, False),
    ],
)
def test_tls_towards_mongodb_is_what_the_url_says_or_the_authorities_mean(
    ca: Path, url: str, with_ca: bool, encrypted: bool
) -> None:
    settings = ConnectionSettings(mongo_url=url, mongo_ca_file=ca if with_ca else None)
    assert settings.mongo_tls is encrypted
    assert security_arguments(settings).get("tls", False) is encrypted


async def test_a_mongodb_client_has_user_authorities_and_certificate(ca: Path, certificate: Path) -> None:
    key = "a" * 43 + "="
    settings = SharedSettings(
        **MONGO, mongo_url=HOST, mongo_ca_file=ca, mongo_certificate_file=certificate, pepper=key, token_key=key,
        encryption_key=key,
    )  # fmt: skip
    client = make_client(settings)
    pool = client.delegate.options.pool_options
    assert pool._credentials.username == "posthorn-sender"
    assert pool._credentials.source == "admin"
    assert len(pool._ssl_context.get_ca_certs()) == 1
    assert SECRET not in repr(client)
    client.close()
