"""Rules from their file (TOML): read, checked row by row, and each proved by the replies that it quotes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from services.sender.bounces.model import Refusal, Rule, Rulebook
from services.sender.bounces.rows import ExampleRow, RuleRow
from services.sender.smtp.outcomes import Stage
from services.sender.smtp.replies import MalformedReplyError, reply_of

OWN_FILE = "bounces.toml"
_HEADER = re.compile(r"\s*\[\[\s*rule\s*\]\]\s*(?:#.*)?")
_TOML_LINE = re.compile(r"\(at (?:line (?P<line>\d+), column \d+|end of document)\)")


class BounceRulesError(ValueError):
    """A file of rules that cannot be used; its text names the file, the line and the reason."""

    def __init__(self, name: str, line: int, reason: str) -> None:
        super().__init__(f"{name}:{line}: {reason}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Example:
    """A reply that a rule quotes, as the refusal that it is."""

    rule: Rule
    reply: str
    refusal: Refusal


@lru_cache(maxsize=1)
def own_rules() -> Rulebook:
    """Posthorn's own rules; the last of them fits everything."""
    book, _ = parse_rules(files(__package__).joinpath(OWN_FILE).read_text(), OWN_FILE)
    return book


def parse_rules(text: str, name: str, taken: Collection[str] = ()) -> tuple[Rulebook, list[Example]]:
    """The rules of a file's text, and the replies that they quote.

    `taken` are ids that other rules have. Raises BounceRulesError, also where a quoted reply does not fit its rule or
    an earlier rule of the file takes it: such a rule would never be reached.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found["line"]) if found and found["line"] else len(text.splitlines())
        raise BounceRulesError(name, line, str(error)) from error
    if unknown := document.keys() - {"rule"}:
        raise BounceRulesError(name, 1, f"{', '.join(sorted(unknown))}: a file of rules holds [[rule]] tables only")
    blocks = _Blocks(name, text)
    rules: list[Rule] = []
    examples: list[Example] = []
    ids = set(taken)
    for number, table in enumerate(document.get("rule", [])):
        row = _row(table, blocks, number)
        if row.id in ids:
            raise blocks.error(number, "id", f"there is another rule {row.id}")
        ids.add(row.id)
        rule = row.rule()
        rules.append(rule)
        examples += _examples(row, rule, blocks, number)
    book = Rulebook(tuple(rules))
    numbers = {rule.id: number for number, rule in enumerate(rules)}
    for example in examples:
        _prove(example, book, blocks, numbers[example.rule.id])
    return book, examples


class _Blocks:
    """Which lines of the file each rule stands on, for errors that name them."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = text.splitlines()
        self._starts = [number for number, line in enumerate(self._lines, 1) if _HEADER.fullmatch(line)]

    def error(self, number: int, key: str, reason: str) -> BounceRulesError:
        """An error at the line of a rule's key, or at the rule's own where the key is not there."""
        start = self._starts[number] if number < len(self._starts) else 1
        end = self._starts[number + 1] - 1 if number + 1 < len(self._starts) else len(self._lines)
        of_key = re.compile(rf"\s*{re.escape(key)}\s*=")
        line = next((at for at in range(start, end + 1) if of_key.match(self._lines[at - 1])), start)
        return BounceRulesError(self.name, line, f"{key}: {reason}")


def _row(table: Any, blocks: _Blocks, number: int) -> RuleRow:
    try:
        return RuleRow.model_validate(table)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise blocks.error(number, str(fault["loc"][0]), fault["msg"].removeprefix("Value error, ")) from error


def _examples(row: RuleRow, rule: Rule, blocks: _Blocks, number: int) -> Iterator[Example]:
    for quoted in row.example:
        each = ExampleRow(reply=quoted) if isinstance(quoted, str) else quoted
        try:
            reply = reply_of(each.reply)
        except MalformedReplyError as error:
            raise blocks.error(number, "example", f"{each.reply!r} is no SMTP reply: {error}") from error
        relayed = each.relayed if each.relayed is not None else bool(rule.relayed)
        stage = each.stage or (row.stage[0] if row.stage else Stage.RCPT)
        provider = each.provider if each.provider is not None else (row.provider or [""])[0]
        yield Example(rule, each.reply, Refusal(stage, reply.code, reply.enhanced, reply.text, provider, relayed))


def _prove(example: Example, book: Rulebook, blocks: _Blocks, number: int) -> None:
    found = book.find(example.refusal)
    if found is example.rule:
        return
    if not example.rule.fits(example.refusal):
        raise blocks.error(number, "example", f"{example.reply!r} does not fit the rule that quotes it")
    assert found is not None
    raise blocks.error(number, "example", f"{example.reply!r} is taken by {found.id}, which stands before this rule")
