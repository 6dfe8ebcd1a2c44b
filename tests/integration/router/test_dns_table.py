"""Every answer that the DNS can give, through a real router: the hosts to dial for a message, or its verdict."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts.messages import Message
from shared.contracts.topics import Lane, accepted
from tests.fixtures.dns_server import NameServer, Says, soa
from tests.fixtures.messages import a_message
from tests.integration.router.conftest import Router

OWN = "mx.ours.test"


@dataclass(frozen=True)
class Answer:
    """What the name server says of `x.sample` and of other names, and what it comes to.

    `hosts` in their order, or the code that begins the verdict's detail, the bounce class and whether it ends there.
    """

    name: str
    says: dict[str, Says]
    hosts: tuple[str, ...] = ()
    verdict: tuple[str, str, str] | None = None


def mx(*hosts: str, of: str = "x.sample") -> Says:
    return Says([f"{of}. 300 MX {host}" for host in hosts])


NOTHING = Says(authority=[soa("x.sample", 300)])
LOOP = ("554 5.4.6", "routing_dns", "reject")
FAILED = ("451 4.4.3", "routing_dns", "wait_until")
TWENTY = tuple(f"mx{number:02}.test" for number in range(20))
ANSWERS = (
    Answer("MX records", {"x.sample": mx("20 b.test.", "10 a.test.")}, ("a.test", "b.test")),
    Answer("no MX: the domain itself", {"x.sample": NOTHING}, ("x.sample",)),
    Answer("null MX", {"x.sample": mx("0 .")}, verdict=("556 5.1.10", "invalid_domain", "reject")),
    Answer("a root among others", {"x.sample": mx("0 .", "10 a.test.")}, ("a.test",)),
    Answer("roots alone", {"x.sample": mx("0 .", "10 .")}, verdict=("550 5.4.4", "routing_dns", "reject")),
    Answer("a root that is not preferred", {"x.sample": mx("5 .")}, verdict=("550 5.4.4", "routing_dns", "reject")),
    Answer("NXDOMAIN", {}, verdict=("550 5.1.2", "invalid_domain", "reject")),
    Answer("SERVFAIL", {"x.sample": Says(rcode="SERVFAIL")}, verdict=FAILED),
    Answer("REFUSED", {"x.sample": Says(rcode="REFUSED")}, verdict=FAILED),
    Answer("no answer", {"x.sample": Says(silent=True)}, verdict=FAILED),
    Answer(
        "a CNAME",
        {"x.sample": Says(["x.sample. 300 CNAME y.sample."]), "y.sample": mx("10 a.test.", of="y.sample")},
        ("a.test",),
    ),
    Answer(
        "a CNAME of a domain without MX",
        {"x.sample": Says(["x.sample. 300 CNAME y.sample."]), "y.sample": NOTHING},
        ("y.sample",),
    ),
    Answer(
        "a CNAME of nothing",
        {"x.sample": Says(["x.sample. 300 CNAME gone.sample."], rcode="NXDOMAIN")},
        verdict=("550 5.1.2", "invalid_domain", "reject"),
    ),
    Answer(
        "CNAMEs in a circle",
        {"x.sample": Says(["x.sample. 300 CNAME y.sample."]), "y.sample": Says(["y.sample. 300 CNAME x.sample."])},
        verdict=FAILED,
    ),
    Answer("we are the best", {"x.sample": mx(f"10 {OWN}.", "20 a.test.")}, verdict=LOOP),
    Answer("we are its backup", {"x.sample": mx(f"20 {OWN}.", "10 a.test.", "20 b.test.")}, ("a.test",)),
    Answer("20 hosts", {"x.sample": mx(*(f"{n} {name}." for n, name in enumerate(TWENTY)))}, TWENTY[:10]),
)  # fmt: skip


async def test_every_answer_of_the_dns_and_what_it_comes_to(router: Router, names: NameServer) -> None:
    await router.workspace()
    domains = {f"x{number}.sample": answer for number, answer in enumerate(ANSWERS)}
    for domain, answer in domains.items():
        number = domain.partition(".")[0].removeprefix("x")
        for name, says in answer.says.items():
            names.says(numbered(name, number), renumbered(says, number))
    options = {"nameservers": [names.address], "own_names": [OWN], "dns_wait_ms": 20_000, "dns_timeout_seconds": 1}
    async with router.running("route", **options):
        await router.publish(accepted(Lane.STANDARD), *(a_message(f"ann@{domain}") for domain in domains))
        routed = await router.routed(at_least=len(domains))
    found = {message.recipient.partition("@")[2]: message for message in routed}
    wrong = {answer.name: seen for domain, answer in domains.items() if (seen := fault(answer, domain, found[domain]))}
    assert not wrong


def fault(answer: Answer, domain: str, message: Message) -> object:
    """What a message came to, where that is not what the answer says."""
    number = domain.partition(".")[0].removeprefix("x")
    if message.route is not None:
        hosts = tuple(host.name for host in message.route.hosts)
        return None if hosts == tuple(numbered(host, number) for host in answer.hosts) else hosts
    verdict = message.verdict
    assert verdict is not None
    said = (" ".join((verdict.detail or "").split()[:2]), verdict.evidence.get("class"), str(verdict.kind))
    return None if said == answer.verdict else said


def numbered(name: str, number: str) -> str:
    """A name of the table as one of its own for the row, where it is below `sample`."""
    return f"{name.removesuffix('.sample')}{number}.sample" if name.endswith(".sample") else name


def renumbered(says: Says, number: str) -> Says:
    def own(lines: list[str] | tuple[str, ...]) -> list[str]:
        return [line.replace(".sample.", f"{number}.sample.") for line in lines]

    return Says(own(list(says.records)), own(list(says.authority)), says.rcode, says.silent)
