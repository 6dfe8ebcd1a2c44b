"""The platform's key, as operators hand it over: three settings and a file, or a clear word about what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.sender.mail.platform import platform_signer
from services.sender.settings import Settings
from shared.dkim_keys import generate_ed25519_key, generate_key, txt_record

KEYS = dict.fromkeys(("pepper", "token_key", "encryption_key"), "A" * 43 + "=")


def settings(**given: Any) -> Settings:
    return Settings(**KEYS, **given)


def test_none_is_set_and_none_signs() -> None:
    assert platform_signer(settings()) is None


def test_a_key_in_a_file_signs_for_the_domain_as_an_a_label(tmp_path: Path) -> None:
    private, public = generate_key(1024)
    file = tmp_path / "p1.pem"
    file.write_text(private)
    signer = platform_signer(settings(dkim_domain="Büro.example", dkim_selector="p1", dkim_key_file=file))
    assert signer is not None
    assert (signer.domain, signer.selector, signer.algorithm) == ("xn--bro-hoa.example", "p1", "rsa-sha256")
    assert signer.record == txt_record(public)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read: No such file"),
        ("", "no private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (generate_ed25519_key()[0], "to hold an RSA key"),
    ],
)
def test_a_file_that_cannot_sign_is_named(tmp_path: Path, text: str | None, problem: str) -> None:
    file = tmp_path / "key.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=rf"POSTHORN_DKIM_KEY_FILE: .*key\.pem .*{problem}") as raised:
        platform_signer(settings(dkim_domain="platform.example", dkim_selector="p1", dkim_key_file=file))
    assert "PRIVATE KEY" not in str(raised.value)


@pytest.mark.parametrize(
    "given",
    [
        {"dkim_domain": "platform.example"},
        {"dkim_domain": "platform.example", "dkim_selector": "p1"},
        {"dkim_key_file": "/x"},
        {"dkim_domain": "no domain", "dkim_selector": "p1", "dkim_key_file": "/x"},
        {"dkim_domain": "platform.example", "dkim_selector": "p_1", "dkim_key_file": "/x"},
        {"feedback_sender_id": "a:b:c"},
        {"feedback_sender_id": "four"},
    ],
)
def test_settings_that_fit_together_or_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        settings(**given)
