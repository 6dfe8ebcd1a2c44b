"""A domain with an MTA-STS policy: its TXT record, its web server, and the policies that the sender keeps of it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.sender.dns import Lookups
from services.sender.smtp.targets import Targets
from services.sender.store.sts_policies import StsPolicyStore
from services.sender.tls.sts_fetch import StsFetcher
from services.sender.tls.sts_policies import StsPolicies
from shared.dns import make_resolver
from tests.fixtures.deployment import Deployment
from tests.fixtures.dns_server import NameServer, Says
from tests.fixtures.http_receiver import Answer, HttpReceiver

PATH = "/.well-known/mta-sts.txt"
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
DOMAIN = "a.test"


def policy(mode: str = "enforce", *mx: str, max_age: int = 604800) -> bytes:
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {name}" for name in mx or ("mx.test",)), f"max_age: {max_age}"]
    return "\r\n".join([*lines, ""]).encode()


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def go(self, **how: float) -> None:
        self.now += timedelta(**how)


@dataclass
class StsWorld:
    """`open` makes the policies of one process; all of them share the database and the clock."""

    deployment: Deployment
    names: NameServer
    web: HttpReceiver
    trust: ssl.SSLContext
    clock: Clock = field(default_factory=Clock)
    opened: list[StsPolicies] = field(default_factory=list)

    def announce(self, id_: str | None, domain: str = DOMAIN, *more: str) -> None:
        """Scripts the TXT record; None takes it away."""
        texts = [f"v=STSv1; id={id_};", *more] if id_ else []
        name = f"_mta-sts.{domain}"
        self.names.says(name, Says([f'{name}. 120 TXT "{text}"' for text in texts] or [f"{name}. 300 A 192.0.2.1"]))
        self.names.says(f"mta-sts.{domain}", Says([f"mta-sts.{domain}. 300 A 127.0.0.1"]))

    def serve(self, body: bytes, domain: str = DOMAIN, **changes: object) -> None:
        self.script(Answer(200, PLAIN, body), domain=domain)

    def script(self, *answers: Answer, domain: str = DOMAIN) -> None:
        self.web.script(f"mta-sts.{domain}{PATH}", *answers)

    def open(self, *, seconds: float = 5, patience: float = 20, targets: Targets | None = None) -> StsPolicies:
        resolver = make_resolver([self.names.address], 2)
        may_dial = (targets or Targets(allow_private=True)).may_dial
        fetcher = StsFetcher(Lookups(resolver), may_dial, self.trust, port=self.web.port, seconds=seconds)
        store = StsPolicyStore(self.deployment.database("sender"))
        self.opened.append(StsPolicies(resolver, fetcher, store, clock=self.clock, patience=patience))
        return self.opened[-1]

    @property
    def fetched(self) -> int:
        return len(self.web.received)
