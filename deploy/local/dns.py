"""A name server for `*.example` and `*.test`: their mail leads to the sink, their TXT records come from `dns.json`.

`python -m deploy.local.dns --port 8053`; `dns.json` in the stack's home maps a name to its texts.
"""

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import typer

from deploy.local.environment import default_home
from deploy.local.install import locked
from deploy.local.ports import HOST
from deploy.local.serving import run

LOCAL_ZONES = tuple(dns.name.from_text(zone) for zone in ("example.", "test."))
TTL_SECONDS = 1  # what bootstrap publishes must be seen at once
FILE_NAME = "dns.json"


def publish_txt(home: Path, name: str, value: str) -> None:
    """Add a TXT record to `name`; the name server of `home` answers with it from the next query on.

    A DKIM selector has one key (RFC 6376, section 3.6.2.2), so there the value takes the place of the one before.
    """
    home.mkdir(parents=True, exist_ok=True)
    file = home / FILE_NAME
    with locked(home / f"{FILE_NAME}.lock"):
        records: dict[str, list[str]] = json.loads(file.read_text()) if file.exists() else {}
        key = name.rstrip(".").lower()
        others = [] if "._domainkey." in key else [each for each in records.get(key, []) if each != value]
        records[key] = [*others, value]
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(records, indent=2) + "\n")
        unfinished.replace(file)


class LocalNames:
    """Answers questions; the texts are read again whenever their file changes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at: tuple[int, int] | None = None
        self._texts: dict[str, list[str]] = {}

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The response to one query: MX, A and TXT of local names, NXDOMAIN for the rest."""
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        question = query.question[0]
        name, kind = question.name, question.rdtype
        texts = self._current_texts().get(name.to_text(omit_final_dot=True).lower(), [])
        if not texts and not _is_local(name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif kind == dns.rdatatype.TXT and texts:
            response.answer.append(
                dns.rrset.from_text_list(name, TTL_SECONDS, "IN", "TXT", [_quoted(text) for text in texts])
            )
        elif kind == dns.rdatatype.MX and _is_local(name):
            response.answer.append(dns.rrset.from_text(name, TTL_SECONDS, "IN", "MX", "10 sink.example."))
        elif kind == dns.rdatatype.A and _is_local(name):
            response.answer.append(dns.rrset.from_text(name, TTL_SECONDS, "IN", "A", HOST))
        return response

    def _current_texts(self) -> dict[str, list[str]]:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return {}
        if self._read_at != (found.st_mtime_ns, found.st_ino):
            self._texts = json.loads(self._file.read_text())
            self._read_at = (found.st_mtime_ns, found.st_ino)
        return self._texts


def _is_local(name: dns.name.Name) -> bool:
    """Below a local zone, and a host's or domain's name: `_dmarc.x.test` exists only when it was published."""
    return any(name.is_subdomain(zone) and name != zone for zone in LOCAL_ZONES) and not any(
        label.startswith(b"_") for label in name.labels
    )


def _quoted(text: str) -> str:
    """A TXT value as strings of at most 255 bytes, escaped for the zone-file parser."""
    data = text.encode()
    pieces = [data[start : start + 255] for start in range(0, len(data), 255)] or [b""]
    return " ".join('"' + "".join(f"\\{byte:03d}" for byte in piece) + '"' for piece in pieces)


class NameServer(asyncio.DatagramProtocol):
    """UDP alone: answers are sent whole, as the loopback interface takes datagrams of any size."""

    def __init__(self, names: LocalNames) -> None:
        self._names = names

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is not a subclass

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        if query.question and not query.flags & dns.flags.QR:
            self._transport.sendto(self._names.answer(query).to_wire(max_size=65535), addr)


def main(
    port: Annotated[int, typer.Option(help="UDP port")] = 8053,
    home: Annotated[Path | None, typer.Option(help="where dns.json is; by default the stack's home")] = None,
) -> None:
    """Run the name server until it is told to stop."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        names = LocalNames((home or default_home()) / FILE_NAME)
        transport, _ = await loop.create_datagram_endpoint(lambda: NameServer(names), local_addr=(HOST, port))
        await stopped.wait()
        transport.close()

    run(serve())


if __name__ == "__main__":
    typer.run(main)
