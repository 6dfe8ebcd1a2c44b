"""Where the passwords of new users come from."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from aiokafka.conn import ScramAuthenticator

from services.access.passwords import NoPasswordError, passwords_of
from services.access.scram import scram_user

USER = "posthorn-sender"
VARIABLE = {"POSTHORN_PASSWORD_OF_POSTHORN_SENDER": "of the environment"}


def test_a_file_goes_before_the_environment_and_its_last_line_may_end(tmp_path: Path) -> None:
    assert passwords_of([USER], tmp_path, VARIABLE) == {USER: "of the environment"}
    (tmp_path / USER).write_text("of a file\n")
    assert passwords_of([USER], tmp_path, VARIABLE) == {USER: "of a file"}


@pytest.mark.parametrize("written", [None, "", "\n"])
def test_a_user_without_a_password_is_named_and_where_it_was_looked_for(tmp_path: Path, written: str | None) -> None:
    if written is not None:
        (tmp_path / USER).write_text(written)
    with pytest.raises(NoPasswordError) as refused:
        passwords_of([USER], tmp_path, {})
    assert USER in str(refused.value)
    assert str(tmp_path / USER) in str(refused.value)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_what_kafka_gets_is_what_a_client_makes_of_the_password(mechanism: str) -> None:
    _, _, iterations, salt, salted, _ = scram_user(USER, "correct-horse", mechanism)
    client = ScramAuthenticator(
        loop=None, sasl_plain_password="correct-horse", sasl_plain_username=USER, sasl_mechanism=mechanism
    )
    nonce = client._nonce
    client.first_message()
    client.process_server_first_message(f"r={nonce}more,s={base64.b64encode(salt).decode()},i={iterations}")
    assert client._salted_password == salted
    digest = hashlib.new(mechanism.removeprefix("SCRAM-").lower().replace("-", ""))
    assert hmac.new(salted, b"Client Key", digest.name).digest() == client._client_key
