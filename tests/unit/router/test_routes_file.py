"""A file of routes: every fault by its line, and what it would change of what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.router.api.bodies import TransportBody
from services.router.api.rule_sets import shown
from services.router.routes.faults import faults_of
from services.router.routes.model import Quarantine, Rule, RuleSet, with_ids
from services.router.routes_command.applying import passwords_of
from services.router.routes_command.moments import moment_of
from services.router.routes_command.plan import Plan
from services.router.routes_command.planning import plan_of
from services.router.routes_command.present import Present
from services.router.routes_command.printing import plan_lines
from services.router.routes_command.showing import file_of
from services.router.routes_command.yaml_file import MAX_NODES, FileError, parse_document, read_document
from tests.unit.router.test_replay import IDS, RULES
from tests.unit.router.test_rules import NOW


def view(id_: str, name: str | None = None, *, shared: bool = False, **fields: Any) -> dict[str, Any]:
    """A transport as the API shows it."""
    made = {"name": name or id_, "kind": "smarthost", "host": f"{id_}.example", **fields}
    body = TransportBody.model_validate({each: made[each] for each in made if each != "has_password"})
    settings_ = body.model_dump(mode="json", exclude={"password"})
    return {"id": id_, **settings_, "has_password": fields.get("has_password", False), "shared": shared, "version": 1}


DIRECT = view("direct", "Direct", shared=True, kind="direct", host=None)


def present(*own: dict[str, Any], rules: RuleSet | None = None, version: int = 3, platform: bool = False) -> Present:
    return Present((*own, DIRECT), shown(None if platform else "w1", rules or RuleSet(), version), platform)


def plan(text: str, there: Present | None = None, **options: Any) -> Plan:
    return plan_of(parse_document(text, "f"), there or present(), **options)


def lines(made: Plan) -> list[str]:
    return [line.plain for line in plan_lines(made)]


FAULTY = [
    ("a: [", ["f:1: expected the node content, but found '<stream end>'"]),
    ("--- 1\n--- 2", ["f:2: but found another document"]),
    ("order: !!python/name:os.system x", None),
    ("- order", ["f:1: is not a mapping of transports, order and rules"]),
    ("order: [direct]\norder: []", ["f:2: order: stands here a second time"]),
    ("rules:\n- id: x\n  lane: standard\n  lane: critical", ["f:4: rules[0].lane: stands here a second time"]),
    ("rules: {? [a] : 1}", ["f:1: rules: a name is a plain word"]),
    ("a: &a [*a]", ["f:1: there is too much in here"]),
    ("colour: red\norder: direct", ["f:2: order: Input should be a valid list", "f:1: colour: there is no such field"]),
    (
        "transports:\n  a:\n    kind: smarthost\n    host: a.example\n    password: secret",
        ["f:5: transports.a.password: a password never stands in a file: name the variable that has it as"
         " password_env"],
    ),
    (
        "transports:\n  a: {kind: smarthost, host: a.example, password_env: $X}",
        ["f:2: transports.a.password_env: is not the name of a variable"],
    ),
    ("transports:\n  a: {kind: smarthost}", ["f:2: transports.a.host: A smart host needs a host."]),
    (
        "transports:\n  a: {kind: smarthost, host: a.example, username: u}",
        ["f:2: transports.a.password_env: A user name and a password belong together."],
    ),
    (
        "transports:\n  a: {kind: direct, sources: [{address: 192.0.2.1}]}",
        ["f:2: transports.a.sources: Only the platform's shared transports have sources."],
    ),
    ("transports:\n  old:\n    kind: direct", ["f:3: transports.old.kind: it is a smarthost, and stays one: give"
                                              " another kind another name"]),
    ("transports:\n  a:\n    id: zz\n    kind: direct", ["f:3: transports.a.id: there is no transport zz to change"]),
    ("order:\n- direct\n- nobody", ["f:3: order[1]: there is no transport nobody"]),
    ("order: [direct, direct]", ["f:1: order[1]: A transport stands in the order once."]),
    ("order: [twin]", ["f:1: order[0]: 2 transports are called twin: name the one by its id"]),
    ("transports:\n  twin: {kind: smarthost, host: a.example}",
     ["f:2: transports.twin: 2 transports are called so: give the id of the one"]),
    ("transports:\n  old: {kind: smarthost, host: a.example}\n  o2: {id: old, kind: smarthost, host: a.example}",
     ["f:3: transports.o2: is the same transport as old"]),
    ("rules:\n- id: a\n  reject: {reason: x}\n- id: a\n  when: {tags: [t]}\n  lane: standard",
     ["f:4: rules[1].id: Another rule of this set has this id.",
      "f:4: rules[1]: No message comes to this rule: a before it takes all that it could."]),
    ("rules:\n- id: a\n  route:\n  - - transport: direct\n    - transport: x",
     ["f:5: rules[0].route[0][1].transport: there is no transport x"]),
    ("quarantine: {hold: true}", ["f:1: quarantine: Only the platform's rules have a quarantine."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "faults"), FAULTY)
def test_every_fault_is_named_by_its_line_and_its_path(text: str, faults: list[str] | None) -> None:
    there = present(view("old"), view("t1", "twin"), view("t2", "twin"))
    with pytest.raises(FileError) as refused:
        plan(text, there)
    if faults is not None:
        assert [str(fault) for fault in refused.value.faults] == faults


def test_a_few_lines_of_aliases_do_not_fill_a_memory() -> None:
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))
    with pytest.raises(FileError, match="too much"):
        parse_document(f"a0: &a0 [x]\n{levels}", "f")
    assert MAX_NODES < 9**8


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff")
    (tmp_path / "large").write_text(" " * 600_000)
    for name, said in (("latin", "is not UTF-8"), ("large", "is larger than"), ("none", "No such file")):
        with pytest.raises(FileError, match=said):
            read_document(tmp_path / name)


def test_a_part_that_is_not_there_stays_and_one_that_is_empty_goes() -> None:
    rules = RuleSet(transports=["old"], rules=[Rule(id="r", name="r", lane="standard")])  # type: ignore[arg-type]
    there = present(view("old"), rules=rules)
    assert not plan("", there).changes
    assert lines(plan("order: []", there))[0] == "~ order: old -> (none)"
    assert lines(plan("rules: []", there))[0] == "- rule r"
    assert lines(plan("transports: {}", there)) == [
        "= transport old is not in the file and stays (--prune deletes it)", "Nothing changes.",
    ]  # fmt: skip
    assert lines(plan("transports: {}", there, prune=True))[0] == "- transport old"


def test_a_transport_is_found_by_its_id_and_gets_another_name() -> None:
    made = plan("transports:\n  new: {id: old, kind: smarthost, host: old.example}\norder: [new]", present(view("old")))
    (step,) = made.transports
    assert (step.act, step.key, step.body) == ("change", "old", {"name": "new"})
    assert made.rules is not None
    assert made.rules["transports"] == ["old"]


def test_an_own_transport_is_meant_before_a_shared_one_of_the_same_name() -> None:
    there = present(view("own", "relay"), view("theirs", "relay", shared=True))
    assert plan("order: [relay]", there).draft["transports"] == ["own"]
    assert plan("order: [theirs]", there).draft["transports"] == ["theirs"]


@pytest.mark.parametrize(
    ("has_password", "entry", "passwords", "sent"),
    [
        (False, "username: u, password_env: X", False, "X"),
        (True, "username: u, password_env: X", False, None),
        (True, "username: u, password_env: X", True, "X"),
        (True, "username: u", False, None),
    ],
)
def test_a_password_that_is_there_is_kept_unless_all_are_given_again(
    has_password: bool, entry: str, passwords: bool, sent: str | None
) -> None:
    before = {"username": "u", "password": "x"} if has_password else {}
    there = present(view("a", has_password=has_password, **before))
    made = plan(f"transports:\n  a: {{kind: smarthost, host: a.example, {entry}}}", there, passwords=passwords)
    assert [step.password_env for step in made.transports if step.password_env] == ([sent] if sent else [])
    assert made.changes == (sent is not None)
    if sent:
        with pytest.raises(KeyError, match="X"):
            passwords_of(made, {})
        assert passwords_of(made, {"X": "secret"}) == {"X": "secret"}


def test_without_a_user_name_the_credentials_go() -> None:
    there = present(view("a", has_password=True, username="u", password="x"))
    (step,) = plan("transports:\n  a: {kind: smarthost, host: a.example}", there).transports
    assert step.body == {"username": None, "password": None}


def is_sound(*rules: Rule) -> bool:
    return not faults_of(RuleSet.model_construct(transports=[], rules=list(rules)), IDS, shared=True)


SETS = st.builds(
    lambda order, rules: RuleSet(transports=order, rules=[with_ids(each) for each in rules]),
    st.lists(st.sampled_from(IDS), unique=True, max_size=4),
    st.lists(RULES.filter(is_sound), max_size=5).map(
        lambda rules: [rule.model_copy(update={"id": f"r{place}"}) for place, rule in enumerate(rules)]
    ),
)


def there_with(rules: RuleSet, platform: bool, names: dict[str, str]) -> Present:
    return present(*(view(id_, names.get(id_)) for id_ in IDS if id_ != "direct"), rules=rules, platform=platform)


@settings(max_examples=25)
@given(SETS, st.booleans(), st.dictionaries(st.sampled_from(IDS), st.sampled_from(["Relay", "Ü: x", "a"])))
def test_what_is_shown_changes_nothing(rules: RuleSet, platform: bool, names: dict[str, str]) -> None:
    if platform:
        rules = rules.model_copy(update={"quarantine": Quarantine(pool="a")})
    there = there_with(rules, platform, names)
    assume(is_sound(*rules.rules))
    made = plan(file_of(there), there)
    assert not made.changes, lines(made)


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
def test_rules_that_come_go_and_move_are_all_told_once(before: list[str], after: list[str]) -> None:
    def a_set(ids: list[str]) -> RuleSet:
        return RuleSet(rules=[Rule.model_validate({"id": id_, "name": id_, "lane": "standard"}) for id_ in ids])

    text = f"rules: [{', '.join(f'{{id: {id_}, lane: standard}}' for id_ in after)}]"
    made = plan(text, present(rules=a_set(before)))
    acts = {act: [step.label for step in made.steps if step.act == act] for act in ("create", "remove", "move")}
    assert set(acts["create"]) == set(after) - set(before)
    assert set(acts["remove"]) == set(before) - set(after)
    kept = [id_ for id_ in before if id_ in after and id_ not in acts["move"]]
    assert kept == [id_ for id_ in after if id_ in before and id_ not in acts["move"]]
    assert made.changes == (before != after)


def test_moments_as_people_write_them() -> None:
    assert moment_of("2h", NOW) == "2026-11-20T10:00:00+00:00"
    assert moment_of("3d", NOW) == "2026-11-17T12:00:00+00:00"
    assert moment_of("2026-11-20T12:00:00") == "2026-11-20T12:00:00+00:00"
    with pytest.raises(ValueError, match="neither a time"):
        moment_of("tomorrow")
