"""A healthy deployment as the doctor sees it, on real servers, and each of its parts to spoil."""

from __future__ import annotations

import asyncio
import ssl
import struct
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from fastapi import FastAPI, Response

from services.doctor.examination import CHECKS, examine
from services.doctor.findings import Finding
from services.doctor.gathering.clock import SINCE_1900
from services.doctor.options import Options
from services.ingest.domains.keys import KeyMaker
from services.ingest.settings import Settings as IngestSettings
from services.sender.settings import Settings as SenderSettings
from shared.contracts.entities import Domain, KeyState, Kind, Transport
from shared.dkim_keys import generate_key, txt_record
from shared.mongo.entities import Entities
from shared.settings import SharedSettings
from tests.fixtures.deployment import Deployment
from tests.fixtures.dns_server import NameServer, Says, name_server
from tests.fixtures.scripted_smtp import ScriptedServer
from tests.fixtures.served import served

EHLO, ADDRESS, DOMAIN = "out1.example.com", "93.184.216.34", "shop.test"
PTR = "34.216.184.93.in-addr.arpa"
HOST = "localhost"


@dataclass
class Estate:
    """The parts; what a test changes of `options` or of the servers is what the doctor meets."""

    deployment: Deployment
    names: NameServer
    authority: trustme.CA
    options: Options
    dkim: str
    stack: AsyncExitStack
    health: dict[str, int] = field(default_factory=lambda: {"status": 200})
    clock: dict[str, float] = field(default_factory=lambda: {"ahead": 0.0})

    async def find(self, check: str) -> list[Finding]:
        """What one check finds."""
        others = {each.name for each in CHECKS} - {check}
        (result,) = await examine(self.options, others)
        assert result.skipped is None
        return list(result.findings)

    def change(self, **changes: Any) -> None:
        self.options = replace(self.options, **changes)

    def txt(self, name: str, *texts: str) -> None:
        self.names.says(f"{name}/TXT", Says([f'{name}. 300 TXT "{text}"' for text in texts]))

    def tls(self, host: str = HOST, **changes: Any) -> ssl.SSLContext:
        """A server's context with a certificate of the authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(host, **changes).configure_cert(context)
        return context

    async def door(self, tls: ssl.SSLContext | None, extensions: tuple[str, ...] = ("STARTTLS",), **says: str) -> str:
        """A server at a door, as `host:port`."""
        server = await self.stack.enter_async_context(ScriptedServer(says, extensions=extensions, tls=tls))
        return f"{HOST}:{server.port}"

    async def transport(self, **changes: Any) -> None:
        made = Transport(name="direct", kind="direct", sources=[{"address": ADDRESS, "ehlo_name": EHLO}]).with_changes(
            **changes
        )
        await Entities(self.deployment.database("router")).put(
            Kind.TRANSPORT, "direct", None, made.model_dump(mode="json")
        )

    async def domain(self, **changes: Any) -> None:
        private, public = await asyncio.to_thread(generate_key, 1024)
        keys = KeyMaker(self.options.shared.secret_box)
        pair = keys.sealed("d1", "ph1", private, public, KeyState.ACTIVE)
        made = Domain(
            name=DOMAIN, verified=True, active="ph1", keys=[pair], ownership="token", return_path=f"bounce.{DOMAIN}"
        ).with_changes(**changes)
        entities = Entities(self.deployment.database("ingest"))
        await entities.put(Kind.DOMAIN, "d1", "w1", made.model_dump(mode="json"))
        self.dkim = txt_record(public)
        self.names.says(f"ph1._domainkey.{DOMAIN}", Says([f'ph1._domainkey.{DOMAIN}. 300 TXT "{self.dkim[:200]}" '
                                                          f'"{self.dkim[200:]}"']))  # fmt: skip


class TimeServer(asyncio.DatagramProtocol):
    """SNTP (RFC 4330), some seconds ahead."""

    def __init__(self, clock: dict[str, float]) -> None:
        self._clock = clock

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        now = time.time() + SINCE_1900 + self._clock["ahead"]
        self._transport.sendto(b"\x24" + bytes(39) + struct.pack("!II", int(now), int(now % 1 * 2**32)), addr)


def healthy_zone(names: NameServer) -> None:
    """All records that a well-kept platform has."""
    names.says(f"{EHLO}/A", Says([f"{EHLO}. 300 A {ADDRESS}"]))
    names.says(f"{EHLO}/AAAA", Says([]))
    names.says(PTR, Says([f"{PTR}. 300 PTR {EHLO}."]))
    returns, spf = "returns.mail.test", "_spf.mail.test"
    names.says(f"{returns}/TXT", Says([f'{returns}. 300 TXT "v=spf1 include:{spf} -all"']))
    names.says(f"{spf}/TXT", Says([f'{spf}. 300 TXT "v=spf1 ip4:{ADDRESS} -all"']))
    names.says(f"_posthorn.{DOMAIN}", Says([f'_posthorn.{DOMAIN}. 300 TXT "posthorn-verification=token"']))
    names.says(f"_dmarc.{DOMAIN}", Says([f'_dmarc.{DOMAIN}. 300 TXT "v=DMARC1; p=reject"']))
    names.says("_dmarc.test", Says([]))
    bounce = f"bounce.{DOMAIN}"
    names.says(f"{bounce}/CNAME", Says([f"{bounce}. 300 CNAME {returns}."]))
    alias = [f"{bounce}. 300 CNAME {returns}.", f'{returns}. 300 TXT "v=spf1 include:{spf} -all"']
    names.says(f"{bounce}/TXT", Says(alias))
    names.says(f"{bounce}/MX", Says([f"{bounce}. 300 CNAME {returns}.", f"{returns}. 300 MX 10 {returns}."]))
    names.says(f"{DOMAIN}/MX", Says([f"{DOMAIN}. 300 MX 10 mx.{DOMAIN}."]))


@asynccontextmanager
async def open_estate(deployment: Deployment, folder: Path) -> AsyncIterator[Estate]:
    """A healthy one; Kafka's topics and the indexes are for a test to make."""
    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with AsyncExitStack() as stack:
        names = await stack.enter_async_context(name_server())
        healthy_zone(names)
        dns = {"nameservers": [names.address]}
        zone = {"platform_zone": "mail.test", "returns_domain": "returns.mail.test", "topic_partitions": 1}
        options = Options(
            deployment.settings(SharedSettings, **zone),
            deployment.settings(IngestSettings, **zone, domain_resolvers=dns["nameservers"]),
            deployment.settings(SenderSettings, **zone, **dns, ehlo_name=EHLO),
            seconds=5,
            ca_file=ca_file,
        )
        estate = Estate(deployment, names, authority, options, "", stack)
        await estate.transport()
        await estate.domain()
        greeting = await estate.door(None, extensions=())
        health = await stack.enter_async_context(served(_health(estate.health)))
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: TimeServer(estate.clock), local_addr=("127.0.0.1", 0)
        )
        stack.callback(transport.close)
        ntp = "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
        estate.change(
            smtp_door=await estate.door(estate.tls(not_after=_in(days=60))),
            return_door=await estate.door(estate.tls(not_after=_in(days=60))),
            mail_hosts=(greeting,),
            health_urls=(health,),
            ntp_server=ntp,
        )
        yield estate


def _health(state: dict[str, int]) -> FastAPI:
    app = FastAPI()

    @app.get("/readyz")
    async def ready() -> Response:
        return Response(status_code=state["status"])

    return app


def _in(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)
