"""One open SMTP connection: commands, replies, and what is known of the peer."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from services.sender.bounces.live import Rules
from services.sender.smtp.outcomes import Outcome, Stage
from services.sender.smtp.peers import Egress, Timeouts
from services.sender.smtp.replies import MalformedReplyError, Reply
from services.sender.smtp.transcript import Transcript, record_of
from services.sender.smtp.verdicts import Lost, outcome_of
from services.sender.smtp.wire import LostError, Wire
from services.sender.tls.protection import Protection
from services.sender.tls.results import TlsResult
from shared.contracts.messages import Host

if TYPE_CHECKING:
    from services.sender.smtp.behind import Behind


class EndedError(Exception):
    """A conversation is over at `stage`, with a reply or with none. It never leaves the sender's SMTP modules."""

    def __init__(self, stage: Stage, reply: Reply | None = None, lost: Lost | None = None, detail: str = "") -> None:
        super().__init__(stage, reply, lost, detail)
        self.stage, self.reply, self.lost, self.detail = stage, reply, lost, detail


class Connection:
    """One open conversation with one address of one host, made by `greeting.open_connection`; one delivery at a time.

    `protection` is the TLS policy that it was opened under and `tls_result` how that went (see `TlsResult`); `asked` is
    the policy that was tried first.
    `extensions` are the peer's of its last EHLO, by lower-case keyword. `deliveries` counts the transactions that were
    begun. `usable` turns False for good when the two ends may no longer agree on what comes next. `behind` is the place
    that this transaction began in, `followed` the one behind it, where there are such.
    """

    def __init__(
        self, egress: Egress, host: Host, ip: str, protection: Protection, timeouts: Timeouts, rules: Rules
    ) -> None:
        self.egress, self.host, self.ip, self.timeouts = egress, host, ip, timeouts
        self._rules = rules
        self.protection = self.asked = protection
        self.wire = Wire()
        self.transcript = Transcript()
        self.extensions: dict[str, str] = {}
        self.auth_methods: list[str] = []
        self.tls_version: str | None = None
        self.tls_cipher: str | None = None
        self.tls_result: TlsResult | None = None
        self.deliveries = 0
        self.needs_reset = False
        self.behind: Behind | None = None
        self.followed: Behind | None = None
        self._dead = False

    @property
    def usable(self) -> bool:
        return not self._dead and self.wire.quiet

    @property
    def may_be_followed(self) -> bool:
        """Whether another transaction may begin behind the one whose final dot has just left (RFC 2920)."""
        left = self.egress.max_deliveries_per_connection - self.deliveries
        return not self._dead and left > 0 and "pipelining" in self.extensions

    def another(self) -> Connection:
        """The same connection for the transaction behind this one; what is said in it is told apart."""
        other = copy(self)
        other.transcript = Transcript()
        return other

    def doom(self) -> None:
        """It is not used again, and goes on until whoever uses it now has done."""
        self._dead = True

    def drop(self) -> None:
        """Cuts the connection at once: nothing that is still unsent will be sent."""
        self._dead = True
        self.wire.abort()

    def close(self) -> None:
        """Says QUIT where that can be understood, and does not wait for the answer."""
        if self.usable:
            self.wire.send("QUIT")
        self._dead = True
        self.wire.close()

    async def ask(self, stage: Stage, command: str, timeout: float, shown: str | None = None) -> Reply:
        """Sends one command and reads its reply. Raises EndedError for a loss, and for 421, which ends the session."""
        self.transcript.start()
        self.put(stage, command)
        return await self.hear(stage, timeout, shown or command)

    def put(self, stage: Stage, *commands: str) -> None:
        """Writes commands as one group (RFC 2920). Raises EndedError for a loss, ValueError for a control character.

        A peer that has spoken out of turn is not talked to: its words would be taken for the reply to these commands.
        """
        if self.behind is None or self.behind.is_over:
            self._expect_silence(stage, commands[0])
        try:
            self.wire.send(*commands)
        except LostError as error:
            raise self.lost(stage, Lost.CLOSED, str(error), commands[0]) from error

    def _expect_silence(self, stage: Stage, command: str) -> None:
        early = self.wire.early_reply()
        if early is not None and early.code == 421:
            self._dead = True
            self.transcript.add(stage, None, early)
            raise EndedError(stage, early)
        if early is not None or self.wire.talkative:
            raise self.lost(stage, Lost.MALFORMED, "the peer spoke out of turn", command)

    async def hear(self, stage: Stage, timeout: float, sent: str | None) -> Reply:
        """Reads the next reply that is due. Raises EndedError for a loss, and for 421, which ends the session."""
        try:
            reply = await self.wire.read(timeout)
        except LostError as error:
            raise self.lost(stage, Lost.CLOSED, str(error), sent) from error
        except TimeoutError as error:
            raise self.lost(stage, Lost.TIMEOUT, f"no reply in {timeout:g} s", sent) from error
        except MalformedReplyError as error:
            raise self.lost(stage, Lost.MALFORMED, str(error), sent) from error
        self.transcript.add(stage, sent, reply)
        if reply.code == 421:
            self._dead = True
            raise EndedError(stage, reply)
        return reply

    def lost(self, stage: Stage, lost: Lost, detail: str, sent: str | None = None) -> EndedError:
        """Notes the loss; the connection is not used again."""
        self._dead = True
        self.transcript.add(stage, sent, note=f"({lost}: {detail})")
        return EndedError(stage, None, lost, detail)

    def tls_failed(self, result: TlsResult, detail: str, sent: str | None = None) -> EndedError:
        """Notes that there is no TLS, or not the one there must be."""
        self.tls_result = result
        return self.lost(Stage.STARTTLS, Lost.TLS, detail, sent)

    def outcome(self, ended: EndedError) -> Outcome:
        """The verdict on how it ended, with what is known of the peer and what was said since the last outcome."""
        verdict = outcome_of(
            ended.stage,
            ended.reply,
            lost=ended.lost,
            detail=ended.detail,
            relayed=self.egress.relayed,
            rollup=self.egress.rollup,
            rules=self._rules.book,
        )
        return self.signed(verdict)

    def signed(self, outcome: Outcome) -> Outcome:
        """The outcome with the peer's name, its TLS, transcript and timings."""
        return outcome.with_changes(
            host=self.host.name,
            ip=self.ip,
            source=self.egress.source,
            tls_version=self.tls_version,
            tls_cipher=self.tls_cipher,
            tls_policy=self.protection.policy if self.tls_result else None,
            tls_result=self.tls_result,
            **record_of(self.transcript.take()),
        )
