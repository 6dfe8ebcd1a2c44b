"""One SMTP connection to the sink, written on plain streams so that each fault happens at its exact place."""

import asyncio
import re
import ssl
import time

from deploy.local.sink_behaviours import Reply, Visit, Visits, add_together, behaviour_of
from deploy.local.sink_mailbox import Mailbox

MAX_SIZE = 50 * 1024 * 1024
MAX_LINE = 4096
CHUNK = 65536
PATH = re.compile(r"(?:FROM|TO):\s*<([^>]*)>(.*)", re.IGNORECASE)

BYE = Reply(221, "2.0.0 bye", close=True)
BAD_ORDER = Reply(503, "5.5.1 bad sequence of commands")
OK = Reply(250, "2.0.0 ok")
ALREADY_SAID = Reply(220, "")


class DroppedError(Exception):
    """The conversation is over without another word, by the client or on purpose."""


class WireReader:
    """Lines and message bodies from a stream, whatever chunks they come in."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def line(self) -> str:
        """The next line without its end. Raises DroppedError at the end of the stream or of patience."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise DroppedError
            await self.fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.rstrip(b"\r").decode("utf-8", "replace")

    async def body(self) -> bytes:
        """The content up to CRLF.CRLF (nothing less ends it), with the stuffed dots removed."""
        self._buffer[:0] = b"\r\n"  # so that a dot on the first line is found like any other
        searched = 0
        while (end := self._buffer.find(b"\r\n.\r\n", searched)) < 0:
            if len(self._buffer) > MAX_SIZE:
                raise DroppedError
            searched = max(0, len(self._buffer) - 4)
            await self.fill()
        stuffed = bytes(self._buffer[: end + 2])
        del self._buffer[: end + 5]
        return stuffed.replace(b"\r\n.", b"\r\n")[2:]

    async def fill(self) -> None:
        """Wait for more bytes. Raises DroppedError at the end of the stream."""
        chunk = await self._stream.read(CHUNK)
        if not chunk:
            raise DroppedError
        self._buffer += chunk

    def forget(self) -> None:
        """Drop what was sent in the clear behind STARTTLS."""
        self._buffer.clear()


class SmtpSession:
    """Talks to one client until it leaves, a behaviour drops it, or it breaks off."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mailbox: Mailbox, visits: Visits,
        tls: ssl.SSLContext | None,
    ) -> None:  # fmt: skip
        self._wire = WireReader(reader)
        self._writer = writer
        self._mailbox = mailbox
        self._visits = visits
        self._tls = tls
        self._record = mailbox.open_session(str(writer.get_extra_info("peername")))
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        """Serve the connection to its end; never raises for what a client can do."""
        try:
            self._say(Reply(220, "sink.example ESMTP"))
            while not (await self._answer(await self._wire.line())).close:
                pass
            await self._writer.drain()
            self._writer.close()
        except (DroppedError, ConnectionError, ssl.SSLError, TimeoutError):
            self._writer.transport.abort()
        finally:
            self._record.closed_at = time.time()

    async def _answer(self, line: str) -> Reply:
        verb, _, argument = line.partition(" ")
        command = getattr(self, f"_on_{verb.lower()}", None) if verb.isalpha() else None
        reply: Reply = await command(argument) if command else Reply(500, "5.5.2 unknown command")
        self._say(reply)
        return reply

    def _say(self, reply: Reply) -> None:
        if reply is not ALREADY_SAID:
            self._writer.write(f"{reply.code} {reply.text}\r\n".encode())

    async def _on_ehlo(self, argument: str) -> Reply:
        self._record.helo = argument
        self._reset()
        names = ["PIPELINING", "8BITMIME", f"SIZE {MAX_SIZE}", "ENHANCEDSTATUSCODES", "SMTPUTF8"]
        names += ["STARTTLS"] if self._tls and not self._record.tls else []
        lines = ["sink.example greets you", *names]
        self._writer.write("".join(f"250-{line}\r\n" for line in lines[:-1]).encode())
        return Reply(250, lines[-1])

    async def _on_helo(self, argument: str) -> Reply:
        self._record.helo = argument
        self._reset()
        return Reply(250, "sink.example")

    async def _on_starttls(self, argument: str) -> Reply:
        if self._tls is None or self._record.tls:
            return BAD_ORDER
        self._say(Reply(220, "2.0.0 go ahead"))
        await self._writer.drain()
        self._wire.forget()
        await self._writer.start_tls(self._tls)
        self._record.tls = True
        self._reset()
        return ALREADY_SAID

    async def _on_mail(self, argument: str) -> Reply:
        match = PATH.match(argument)
        if match is None:
            return Reply(501, "5.5.4 MAIL FROM:<address>")
        size = re.search(r"\bSIZE=(\d+)", match[2], re.IGNORECASE)
        if size and int(size[1]) > MAX_SIZE:
            return Reply(552, "5.3.4 message too big")
        if self._sender is not None:
            return BAD_ORDER
        self._sender = match[1]
        return Reply(250, "2.1.0 ok")

    async def _on_rcpt(self, argument: str) -> Reply:
        match = PATH.match(argument)
        if match is None or not match[1]:
            return Reply(501, "5.5.4 RCPT TO:<address>")
        if self._sender is None:
            return BAD_ORDER
        recipient = match[1]
        behaviour = behaviour_of(recipient)
        self._mailbox.count("attempts", [recipient])
        if wait := behaviour.rcpt_wait(self._visits.settings):
            await asyncio.sleep(wait)
        refusal = behaviour.at_rcpt(self._visit(recipient))
        if refusal:
            self._mailbox.count("refusals", [recipient])
            return refusal
        self._recipients.append(recipient)
        return Reply(250, "2.1.5 ok")

    async def _on_data(self, argument: str) -> Reply:
        if not self._recipients:
            return Reply(554, "5.5.1 no valid recipients") if self._sender is not None else BAD_ORDER
        self._say(Reply(354, "end with <CRLF>.<CRLF>"))
        fate = add_together([behaviour_of(each).at_dot(self._visit(each)) for each in self._recipients])
        if fate.drop_in_data:
            await self._wire.fill()
            raise DroppedError
        raw = await self._wire.body()
        if fate.wait_seconds:
            await asyncio.sleep(fate.wait_seconds)
        if fate.reply:
            self._mailbox.count("refusals", self._recipients)
        else:
            self._mailbox.keep(self._record, self._sender or "", self._recipients, raw, not fate.drop_after_dot)
        if fate.drop_after_dot:
            raise DroppedError
        self._reset()
        return fate.reply or Reply(250, f"2.0.0 kept as {self._record.number}.{self._record.messages}")

    async def _on_rset(self, argument: str) -> Reply:
        self._reset()
        return OK

    async def _on_noop(self, argument: str) -> Reply:
        return OK

    async def _on_vrfy(self, argument: str) -> Reply:
        return Reply(252, "2.5.2 cannot verify, will try")

    async def _on_quit(self, argument: str) -> Reply:
        return BYE

    def _visit(self, recipient: str) -> Visit:
        return Visit(self._sender or "", recipient.lower(), self._visits)

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []
