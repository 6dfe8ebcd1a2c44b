"""`posthorn access` without a server: what it prints and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.access.commands import app
from services.roles import SERVICES

USERS = {f"posthorn-{name}" for name in (*SERVICES, "operator")}


@pytest.fixture(autouse=True)
def prefixes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHORN_TOPIC_PREFIX", "acme_")
    monkeypatch.setenv("POSTHORN_DB_PREFIX", "acme_")


@pytest.mark.parametrize("server", ["kafka", "mongo"])
def test_everybody_is_listed_for_who_makes_users_by_other_means(server: str) -> None:
    done = CliRunner().invoke(app, [server, "--json"])
    assert done.exit_code == 0
    listed = json.loads(done.stdout)
    assert {each["user"] for each in listed} == USERS
    assert all(each["acls"] if server == "kafka" else each["privileges"] for each in listed)


@pytest.mark.parametrize("server", ["kafka", "mongo"])
def test_a_process_of_several_services_is_one_user(server: str) -> None:
    done = CliRunner().invoke(app, [server, "router:http", "webhooks:http", "--user", "posthorn-http", "--json"])
    (one,) = json.loads(done.stdout)
    assert one["user"] == "posthorn-http"
    assert "acme_posthorn.webhooks.events" in done.stdout or "acme_webhooks" in done.stdout
    assert "sender" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["kafka", "sender"], "--user"),
        (["mongo", "--user", "one"], "--user"),
        (["kafka", "nothing", "--user", "one"], "no service"),
        (["kafka", "--apply"], "POSTHORN_PASSWORD_OF_POSTHORN_INGEST"),
        (["mongo", "--apply"], "POSTHORN_PASSWORD_OF_POSTHORN_INGEST"),
    ],
)
def test_what_is_asked_wrongly_is_said_before_any_server_is_asked(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(app, arguments, env={"POSTHORN_PASSWORDS": str(tmp_path)})
    assert done.exit_code == 2
    assert said in done.stderr
