"""The SMTP door beside Postfix's smtpd, both taking the same mail over TLS from the same client, in turn.

20 sessions, 2 KiB a message: sessions of 100 messages each, and a session for each message. Nothing behind the door
runs; Postfix keeps what it takes in its hold queue. Our client logs in, Postfix's need not. Each reply after the dot
comes when the message is durable: after MongoDB's majority has it, or after an fsync of the queue file.

`python -m tests.bench.smtp_door [--messages 5000] [--runs 3]`
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from deploy.local.certificate import keep_certificate
from tests.bench.ingest import BEHIND
from tests.bench.percentiles import Percentiles
from tests.bench.postfix import running_postfix
from tests.bench.posthorn import running_stack
from tests.bench.processes import cpu_seconds
from tests.bench.results import keep
from tests.bench.smtp_client import Plan
from tests.bench.workspace import TEXT
from tests.e2e.account import bootstrap

PORT_BASE = 21200
POSTFIX_PORT, NO_SINK_PORT = 21290, 21291
SESSIONS, KEPT = 20, 100
WARM_UP = 500
SECONDS = 600
MAIN_CF = """smtpd_tls_wrappermode = yes
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {certificate}
smtpd_client_restrictions = check_client_access static:HOLD
"""
CONTENT = (
    "From: {sender}\r\nTo: to@sink.test\r\nSubject: Your order\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
    "Message-ID: <{{n}}.{{run}}@bench.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "{text}"
)


@dataclass(frozen=True)
class Taken:
    """One run; `cpu_s_per_1000` is of the door and mongod, or of all of Postfix's processes."""

    messages: int
    per_session: int
    per_s: float
    waits_ms: Percentiles
    cpu_s_per_1000: float | None


@dataclass(frozen=True)
class Server:
    """Something that takes mail; `cpu` are the CPU seconds that it has used."""

    name: str
    plan: Plan
    cpu: Callable[[], float | None]

    def take(self, messages: int, per_session: int) -> Taken:
        content = self.plan.content.replace("{run}", str(time.time_ns()))  # the same message again is no new one
        plan = replace(self.plan, messages=messages, per_session=per_session, content=content)
        before = self.cpu()
        command = [sys.executable, "-m", "tests.bench.smtp_client", json.dumps(asdict(plan))]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=SECONDS)
        after = self.cpu()
        made = json.loads(done.stdout)
        used = None if before is None or after is None else round((after - before) / messages * 1000, 3)
        per_s = round(messages / (made["ended"] - made["started"]), 1)
        taken = Taken(messages, per_session, per_s, Percentiles(**made["waits_ms"]), used)
        print(f"{self.name}: {asdict(taken)}", flush=True)
        return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with running_smtpd() as postfix, running_door() as door:
        for server in (postfix, door):
            server.take(WARM_UP, KEPT)
        kept = in_turn(postfix, door, given.messages, given.runs, KEPT)
        fresh = in_turn(postfix, door, given.messages // 4, given.runs, 1)
    keep("smtp-door", {"kept_sessions": summary(kept), "a_session_a_message": summary(fresh)})


def in_turn(postfix: Server, door: Server, messages: int, runs: int, per_session: int) -> list[tuple[Taken, Taken]]:
    return [(door.take(messages, per_session), postfix.take(messages, per_session)) for _ in range(runs)]


def summary(pairs: list[tuple[Taken, Taken]]) -> dict[str, object]:
    return {
        "ratio_to_postfix": round(median(ours.per_s / theirs.per_s for ours, theirs in pairs), 2),
        "door": [asdict(ours) for ours, _ in pairs],
        "postfix": [asdict(theirs) for _, theirs in pairs],
    }


@contextmanager
def running_door() -> Iterator[Server]:
    """The SMTP door of a stack, nothing behind it."""
    with running_stack(PORT_BASE, {}) as stack:
        home = bootstrap(stack, "shop", "no-reply@shop.example")
        for name in {*BEHIND, "http"} - {"smtp"}:
            stack.stop(name)
        smtp, port = home["smtp"], stack.ports["smtps"]
        plan = plan_of(port, home["sender"], user=smtp["user"], password=smtp["password"])
        pids = [pid for name in ("smtp", "mongod") if (pid := stack.pid(name))]
        yield Server("door", plan, lambda: sum(map(cpu_seconds, pids)))


@contextmanager
def running_smtpd() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        certificate = Path(folder) / "smtpd.pem"
        keep_certificate(certificate)
        with running_postfix(POSTFIX_PORT, NO_SINK_PORT, MAIN_CF.format(certificate=certificate)) as postfix:
            yield Server("postfix", plan_of(POSTFIX_PORT, "no-reply@shop.example"), postfix.cpu_seconds)


def plan_of(port: int, sender: str, user: str | None = None, password: str | None = None) -> Plan:
    content = CONTENT.format(sender=sender, text=TEXT.replace("\n", "\r\n"))
    return Plan("127.0.0.1", port, sender, "to@sink.test", content, 0, SESSIONS, 1, user, password)


if __name__ == "__main__":
    main()
