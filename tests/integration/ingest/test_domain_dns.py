"""What a real name server's answers are read as: what is absent is told from what failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.ingest.domains.dkim_record import problem_of_key
from services.ingest.domains.records import Answer, Question
from services.ingest.domains.resolvers import Resolvers
from shared.dkim_keys import generate_key, txt_record
from tests.fixtures.dns_server import NameServer, Says, name_server, soa
from tests.integration.ingest.domain_world import split_text

NAME = "ph1._domainkey.acme.test"


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with name_server() as server:
        yield server


async def ask(names: NameServer, kind: str = "TXT", name: str = NAME) -> Answer:
    question = Question(name, kind)
    [answers] = await Resolvers([names.address], 1).ask([question])
    return answers[question]


@pytest.mark.parametrize("size", [255, 100, 7])
async def test_the_strings_of_a_key_are_joined_without_spaces(names: NameServer, size: int) -> None:
    _, public = await asyncio.to_thread(generate_key)
    names.says(NAME, Says([f"{NAME}. 60 TXT {split_text(txt_record(public), size)}"]))
    found = await ask(names)
    assert found == Answer((txt_record(public),))
    assert problem_of_key(found.records, public) is None


async def test_selectors_may_be_aliases(names: NameServer) -> None:
    chain = [f"{NAME}. 60 CNAME one.zone.test.", "one.zone.test. 60 CNAME two.zone.test.", "two.zone.test. 60 TXT p=AA"]
    names.says(NAME, Says(chain))
    assert await ask(names) == Answer(("p=AA",))
    # a server that follows no alias
    names.says(NAME, Says(chain[:1]))
    names.says("one.zone.test", Says(chain[1:2]))
    names.says("two.zone.test", Says(chain[2:]))
    assert await ask(names) == Answer(("p=AA",))
    assert await ask(names, "CNAME") == Answer(("one.zone.test",))


async def test_aliases_in_a_circle_are_a_failure(names: NameServer) -> None:
    names.says(NAME, Says([f"{NAME}. 60 CNAME other.test."]))
    names.says("other.test", Says([f"other.test. 60 CNAME {NAME}."]))
    assert (await ask(names)).failure


async def test_a_chain_of_slow_aliases_is_given_up_in_the_time_of_one_question(names: NameServer) -> None:
    """Each answers within that time, both together do not."""
    loop = asyncio.get_running_loop()
    for number, seconds in enumerate((0.7, 1.4)):
        answered = asyncio.Event()
        loop.call_later(seconds, answered.set)
        names.says(f"a{number}.test", Says([f"a{number}.test. 60 CNAME a{number + 1}.test."], once=answered))
    names.says("a2.test", Says(["a2.test. 60 TXT p=AA"]))
    assert await ask(names, name="a0.test") == Answer(failure="timed out")


async def test_what_is_not_there_is_no_failure(names: NameServer) -> None:
    assert await ask(names) == Answer()
    names.says(NAME, Says(authority=[soa("acme.test", 60)]))
    assert await ask(names) == Answer()


@pytest.mark.parametrize(
    ("answer", "failure"),
    [(Says(rcode="SERVFAIL"), "SERVFAIL"), (Says(rcode="REFUSED"), "REFUSED"), (Says(silent=True), "timed out")],
)
async def test_failures_are_told_by_name(names: NameServer, answer: Says, failure: str) -> None:
    names.says(NAME, answer)
    assert await ask(names) == Answer(failure=failure)


async def test_an_answer_that_is_too_large_for_a_datagram_comes_over_tcp(names: NameServer) -> None:
    texts = [f"v=spf1 {'x' * 240} {number:03d}" for number in range(8)]
    names.says(NAME, Says([f"{NAME}. 60 TXT {split_text(text)}" for text in texts]))
    assert (await ask(names)).records == tuple(sorted(texts))
    assert [over for _, _, over in names.asked] == ["udp", "tcp"]


async def test_names_are_in_lower_case_without_the_final_dot(names: NameServer) -> None:
    names.says("acme.test", Says(["acme.test. 60 MX 10 MX.Acme.Test."]))
    assert await ask(names, "MX", "acme.test") == Answer(("10 mx.acme.test",))
    names.mx("acme.test", "0 .")
    assert await ask(names, "MX", "acme.test") == Answer(("0 ",))


async def test_each_resolver_is_asked_on_its_own(names: NameServer) -> None:
    question = Question(NAME, "TXT")
    async with name_server() as other:
        names.says(NAME, Says([f"{NAME}. 60 TXT p=AA"]))
        other.says(NAME, Says(rcode="SERVFAIL"))
        answers = await Resolvers([names.address, other.address, names.address], 1).ask([question])
        assert [each[question] for each in answers] == [
            Answer(("p=AA",)), Answer(failure="SERVFAIL"), Answer(("p=AA",)),
        ]  # fmt: skip
