"""An operator's rules: before ours, read again when they change, and never worse than they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.sender.bounces.live import Rules
from services.sender.bounces.loader import BounceRulesError, own_rules
from services.sender.smtp.outcomes import BounceClass, Stage
from services.sender.smtp.verdicts import classify

RULE = """
[[rule]]
example = "550 5.1.1 {text}"
id = "maintenance"
enhanced = "X.1.1"
text = '{text}'
class = "undetermined"
action = "retry"
"""


def rule_for(rules: Rules, text: str) -> str:
    return classify(Stage.RCPT, 550, "5.1.1", f"5.1.1 {text}", rules=rules.book).rule


def put(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def remove(file: Path) -> None:
    file.unlink()


def refused() -> float | None:
    return REGISTRY.get_sample_value("posthorn_bounce_rules_refused")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULE.format(text="night work"))
    return path


async def test_a_changed_file_is_taken_and_a_broken_one_is_not(file: Path) -> None:
    rules = Rules(str(file))
    assert rule_for(rules, "night work") == "maintenance"
    assert rule_for(rules, "day work") == "no-recipient"
    put(file, RULE.format(text="day work").encode())
    await rules.look()
    assert (rule_for(rules, "night work"), rule_for(rules, "day work")) == ("no-recipient", "maintenance")
    assert refused() == 0
    for broken in (b"[[rule]]\nid = 1", b"\xff"):
        put(file, broken)
        await rules.look()
        await rules.look()
        assert rule_for(rules, "day work") == "maintenance"
        assert refused() == 1
    remove(file)
    await rules.look()
    assert (rule_for(rules, "day work"), refused()) == ("maintenance", 1)
    put(file, b"")
    await rules.look()
    assert (rules.book, refused()) == (own_rules(), 0)


async def test_what_is_as_it_was_is_not_read_again(file: Path) -> None:
    rules = Rules(str(file))
    before = rules.book
    put(file, RULE.format(text="night work").encode())
    await rules.look()
    assert rules.book is before


def test_a_broken_file_is_refused_at_start(file: Path) -> None:
    file.write_text("\n\nid = 1\n")
    with pytest.raises(BounceRulesError, match=r"rules\.toml:1: "):
        Rules(str(file))
    with pytest.raises(FileNotFoundError):
        Rules(str(file.parent / "gone.toml"))


async def test_without_a_file_our_own_stay() -> None:
    rules = Rules()
    await rules.look()
    assert rules.book is own_rules()


def test_no_rule_of_an_operator_gives_up_an_address_for_a_refused_session_or_sender(file: Path) -> None:
    text = RULE.replace("undetermined", "invalid_recipient").replace('"retry"', '"bounce"').format(text="gone")
    file.write_text(text.replace('enhanced = "X.1.1"\n', ""))
    book = Rules(str(file)).book
    for stage in (Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH):
        verdict = classify(stage, 550, None, "gone", rules=book)
        assert (verdict.rule, verdict.transient, verdict.hard) == ("maintenance", True, False)
    for stage, code in ((Stage.MAIL, 550), (Stage.RCPT, 450)):
        verdict = classify(stage, code, None, "gone", rules=book)
        assert (verdict.transient, verdict.hard) == (False, False)
    verdict = classify(Stage.RCPT, 550, None, "gone", rules=book)
    assert (verdict.class_, verdict.hard) == (BounceClass.INVALID_RECIPIENT, True)
