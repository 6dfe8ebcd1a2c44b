"""Asking the DNS: the same question at several resolvers, each on its own, what is absent told from what failed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from dns.asyncresolver import Resolver
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT

from services.ingest.domains.records import Answer, Answers, Question
from shared.dns import Existence, ask, make_resolver

AT_ONCE = 64


class Resolvers:
    """The configured resolvers, else the system's."""

    def __init__(self, servers: Sequence[str], seconds: float) -> None:
        asked = servers or [str(server) for server in make_resolver([], seconds).nameservers]
        self._resolvers = [make_resolver([server], seconds) for server in asked]
        self._seconds = seconds
        self._free = asyncio.Semaphore(AT_ONCE)

    async def ask(self, questions: Collection[Question]) -> list[Answers]:
        """What each resolver answers to all of the questions."""
        return list(await asyncio.gather(*(self._ask_one(resolver, questions) for resolver in self._resolvers)))

    async def _ask_one(self, resolver: Resolver, questions: Collection[Question]) -> Answers:
        answers = await asyncio.gather(*(self._answer(resolver, question) for question in questions))
        return dict(zip(questions, answers, strict=True))

    async def _answer(self, resolver: Resolver, question: Question) -> Answer:
        """A server that gives an alias without its target is asked again, all within the time of one question."""
        try:
            async with self._free, asyncio.timeout(self._seconds):
                found = await ask(resolver, question.name, RdataType.make(question.type))
        except TimeoutError:
            return Answer(failure="timed out")
        if found.existence is Existence.FAILED:
            return Answer(failure=found.detail)
        return Answer(tuple(sorted(map(_text, found.records))))


def _text(record: Rdata) -> str:
    if isinstance(record, TXT):
        return b"".join(record.strings).decode("utf-8", "replace")
    return str(record).lower().rstrip(".")
