"""`posthorn bounce classify`: the verdict on a reply, in lines or as JSON, without any server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app


def run(*arguments: str, **environ: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["bounce", "classify", *arguments], env=environ)
    return done.exit_code, done.stdout, done.stderr


def as_json(*arguments: str, **environ: str) -> dict[str, Any]:
    code, out, err = run(*arguments, "--json", **environ)
    assert (code, err) == (0, "")
    return dict(json.loads(out))


def test_a_refused_recipient() -> None:
    assert as_json("550-5.1.1 The email account\n550 5.1.1 does not exist - gsmtp") == {
        "outcome": "bounced",
        "class": "invalid_recipient",
        "rule": "no-recipient",
        "hard": True,
        "retry": "no",
        "suppresses": True,
    }


def test_in_lines() -> None:
    code, out, _ = run("550 5.7.1 [192.0.2.1] is on a blocklist")
    assert code == 0
    assert [line.split(maxsplit=1) for line in out.splitlines()] == [
        ["outcome", "deferred"],
        ["class", "block_reputation"],
        ["rule", "blocked"],
        ["hard", "no"],
        ["retry", "standard: after 5, 10, 20 min"],
        ["suppresses", "no"],
    ]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("550 5.7.27 unauthenticated", "--stage", "dot"), "sender"),
        (("550 5.7.27 unauthenticated", "--stage", "dot", "--provider", "google"), "google-authentication"),
        (("554 5.7.1 Relay access denied",), "relay-denied"),
        (("554 5.7.1 Relay access denied", "--smarthost"), "smarthost-relay-denied"),
        (("554 no", "--stage", "banner"), "greeting-5xx"),
    ],
)
def test_stage_provider_and_smart_host_decide_too(arguments: tuple[str, ...], rule: str) -> None:
    assert as_json(*arguments)["rule"] == rule


def test_rules_of_ones_own_go_first_by_option_and_by_environment(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[[rule]]\nexample = "550 5.1.1 moving"\nid = "moving"\nclass = "undetermined"\ntext = "moving"')
    reply = "550 5.1.1 we are moving"
    assert as_json(reply)["rule"] == "no-recipient"
    assert as_json(reply, "--rules", str(file))["rule"] == "moving"
    assert as_json(reply, POSTHORN_BOUNCE_RULES_FILE=str(file))["rule"] == "moving"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no such user",), "'no such user' is no SMTP reply"),
        (("550-5.1.1 unfinished",), "is no SMTP reply"),
        (("354 go ahead",), "354 asks for more"),
        (("250 ok",), "250 at rcpt is no end"),
        (("550 no", "--rules", "/nowhere/own.toml"), "/nowhere/own.toml: No such file"),
        (("550 no", "--stage", "end"), "--stage"),
    ],
)
def test_what_cannot_be_classified_is_said(arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_broken_file_of_rules_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('\n[[rule]]\nid = "x"\nexample = "550 x"\nclass = "nonsense"\n')
    code, _, err = run("550 no", "--rules", str(file))
    assert (code, err.splitlines()[0].startswith(f"posthorn: {file}:5: class: ")) == (2, True)


def test_an_accepted_message() -> None:
    assert as_json("250 2.0.0 taken", "--stage", "dot")["outcome"] == "delivered"
    assert as_json("250 2.0.0 taken", "--stage", "dot", "--smarthost")["outcome"] == "relayed"
