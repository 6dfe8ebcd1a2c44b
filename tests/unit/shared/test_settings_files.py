"""Settings from the files of POSTHORN_SECRETS_DIR, as a secret of Kubernetes or a volume holds them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from services.cli import app
from services.sender.settings import Settings
from shared.secrets import SECRET_NAMES, SecretBox, new_secret
from shared.settings import SharedSettings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the keys that `posthorn keys` makes, which the environment names and has none of."""
    for name in SECRET_NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POSTHORN_SECRETS_DIR", str(tmp_path))
    assert CliRunner().invoke(app, ["keys", str(tmp_path)]).exit_code == 0
    return tmp_path


def test_keys_are_read_from_files(folder: Path) -> None:
    settings = SharedSettings()
    assert settings.operator_token is not None
    assert settings.operator_token.get_secret_value() == (folder / "posthorn_operator_token").read_text()
    assert len({settings.pepper_bytes, settings.token_key_bytes, settings.encryption_key_bytes}) == 3
    assert {len(settings.pepper_bytes), len(settings.token_key_bytes), len(settings.encryption_key_bytes)} == {32}


def test_further_keys_stand_beside_and_each_is_looked_at(folder: Path) -> None:
    assert SharedSettings().token_keys == (SharedSettings().token_key_bytes,)
    former, next_ = (new_secret("POSTHORN_TOKEN_KEY") for _ in range(2))
    (folder / "posthorn_other_token_keys").write_text(f"{former},{next_}\n")
    (folder / "posthorn_other_encryption_keys").write_text(f"{former}\n")
    settings = SharedSettings()
    assert settings.token_keys == (settings.token_key_bytes, base64.b64decode(former), base64.b64decode(next_))
    assert settings.secret_box.open(SecretBox(base64.b64decode(former)).seal(b"x", "p"), "p") == b"x"
    assert former not in repr(settings)
    for wrong in ("short", f"{former},dG9vIHNob3J0", f"{former},,"):
        (folder / "posthorn_other_token_keys").write_text(wrong)
        with pytest.raises(ValidationError) as refused:
            SharedSettings()
        assert wrong not in str(refused.value)


def test_any_setting_may_be_a_file_and_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "posthorn_mongo_url").write_text("mongodb://user:secret@db/?replicaSet=rs0\n")
    (folder / "POSTHORN_MAX_IN_FLIGHT").write_text("7\n")
    settings = Settings()
    assert (settings.mongo_url, settings.max_in_flight) == ("mongodb://user:secret@db/?replicaSet=rs0", 7)
    monkeypatch.setenv("POSTHORN_MAX_IN_FLIGHT", "9")
    assert Settings().max_in_flight == 9
    assert Settings(max_in_flight=11).max_in_flight == 11


def test_links_as_kubernetes_makes_them_are_followed(folder: Path) -> None:
    (folder / "..2026_11_23").mkdir()
    (folder / "..2026_11_23" / "posthorn_db_prefix").write_text("mail_")
    (folder / "..data").symlink_to("..2026_11_23")
    (folder / "posthorn_db_prefix").symlink_to("..data/posthorn_db_prefix")
    assert SharedSettings().db_prefix == "mail_"


@pytest.mark.parametrize("name", ["missing", "posthorn_pepper"])
def test_what_is_no_directory_is_said_to_be_none(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("POSTHORN_SECRETS_DIR", str(folder / name))
    with pytest.raises(ValidationError, match="is not a directory"):
        SharedSettings()


def test_keys_that_are_there_stay_as_they_are(folder: Path) -> None:
    before = {file.name: file.read_text() for file in folder.iterdir()}
    (folder / "posthorn_token_key").unlink()
    ended = CliRunner().invoke(app, ["keys", str(folder)])
    assert (ended.exit_code, ended.stdout) == (0, f"{folder}/posthorn_token_key\n")
    after = {file.name: file.read_text() for file in folder.iterdir()}
    assert after.keys() == before.keys() == {name.lower() for name in SECRET_NAMES}
    assert {name for name in before if after[name] != before[name]} == {"posthorn_token_key"}
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o440}


def test_keys_need_a_directory(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["keys", str(tmp_path / "missing")])
    assert (ended.exit_code, ended.stderr) == (1, f"posthorn: {tmp_path}/missing is not a directory\n")
