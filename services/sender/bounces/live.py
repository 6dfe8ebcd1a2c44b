"""The rules in force: an operator's own before ours, and its file read again when it changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from services.sender.bounces.loader import BounceRulesError, own_rules, parse_rules
from services.sender.bounces.model import Rulebook
from shared.telemetry import metrics

LOOK_SECONDS = 2.0
log = structlog.get_logger(__name__)


class Rules:
    """`book` is what verdicts go by now. Raises BounceRulesError, or OSError, for a file that cannot be used."""

    def __init__(self, file: str | None = None) -> None:
        self._file = Path(file) if file else None
        self._seen = self._file.read_bytes() if self._file else None
        self.book = own_rules() if self._seen is None else rules_with(self._seen, str(self._file))

    async def look(self) -> None:
        """Takes a changed file; the rules before it stay in force while it is broken or gone."""
        if self._file is None:
            return
        try:
            content = await asyncio.to_thread(self._file.read_bytes)
        except OSError as error:
            self._refused(f"{self._file}: {error.strerror}", None)
            return
        if content == self._seen:
            return
        try:
            self.book = await asyncio.to_thread(rules_with, content, str(self._file))
        except BounceRulesError as error:
            self._refused(str(error), content)
            return
        self._seen = content
        metrics.BOUNCE_RULES_REFUSED.set(0)
        log.info("bounce rules read", file=str(self._file), rules=len(self.book.rules))

    def _refused(self, reason: str, content: bytes | None) -> None:
        metrics.BOUNCE_RULES_REFUSED.set(1)
        if content != self._seen:
            log.error("bounce rules refused, those before stay in force", reason=reason)
        self._seen = content


def rules_with(content: bytes, name: str) -> Rulebook:
    """A file's rules before our own. Raises BounceRulesError."""
    own = own_rules()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BounceRulesError(name, line, "not UTF-8") from error
    book, _ = parse_rules(text, name, {rule.id for rule in own.rules})
    return book.before(own)
