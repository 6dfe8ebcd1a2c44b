"""The verdict table as data: ordered rules, the first that fits wins. What the columns mean stands in `verdicts`.

Enhanced codes are matched by subject and detail only (`1.1` of `5.1.1`): whether to try again is the basic code's to
say where the two disagree (RFC 3463 section 2). Registry: RFC 3463, RFC 5248, RFC 7372, RFC 7505, RFC 8689.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from services.sender.smtp.outcomes import BounceClass, Stage


class Action(StrEnum):
    RETRY = "retry"
    BOUNCE = "bounce"


@dataclass(frozen=True)
class Rule:
    """One row. A column left out fits everything; `action` left out leaves it to the reply code's first digit."""

    name: str
    class_: BounceClass
    stages: frozenset[Stage] | None = None
    code: re.Pattern[str] | None = None
    enhanced: re.Pattern[str] | None = None
    text: re.Pattern[str] | None = None
    relayed: bool | None = None
    action: Action | None = None
    hard: bool = True

    def fits(self, stage: Stage, code: int, enhanced: str, text: str, relayed: bool) -> bool:
        return (
            (self.stages is None or stage in self.stages)
            and (self.relayed is None or self.relayed is relayed)
            and (self.code is None or self.code.fullmatch(str(code)) is not None)
            and (self.enhanced is None or self.enhanced.fullmatch(enhanced) is not None)
            and (self.text is None or self.text.search(text) is not None)
        )


def _rule(
    name: str,
    class_: BounceClass,
    stages: tuple[Stage, ...] = (),
    *,
    code: str = "",
    enhanced: str = "",
    text: str = "",
    relayed: bool | None = None,
    action: Action | None = None,
    hard: bool = True,
) -> Rule:
    return Rule(
        name,
        class_,
        frozenset(stages) or None,
        re.compile(code) if code else None,
        re.compile(enhanced) if enhanced else None,
        re.compile(text, re.IGNORECASE) if text else None,
        relayed,
        action,
        hard,
    )


_C, _S = BounceClass, Stage
_RETRY, _BOUNCE = Action.RETRY, Action.BOUNCE

_GREETING = (_S.CONNECT, _S.BANNER, _S.EHLO)
_MESSAGE = (_S.DATA, _S.BODY, _S.DOT)
_NO_USER = (
    r"\b(?:user|recipient|mailbox|account|address)\b[^.;]{0,40}?"
    r"\b(?:unknown|not found|does(?:n't| not) exist|is invalid|not exist)"
    r"|\bunknown (?:user|recipient|mailbox|local part|address)|\bno such (?:user|recipient|mailbox|address|person)"
    r"|\bno mailbox here\b|\binvalid (?:recipient|mailbox|user)\b"
)
_BLOCKED = (
    r"\b(?:spamhaus|barracudacentral|spamcop|sorbs|uceprotect|rbl|dnsbl|blacklist(?:ed)?|blocklist(?:ed)?|block list)\b"
    r"|\bS3150\b|\b(?:ip|host|client|server|address) (?:address )?\S{0,64} ?"
    r"(?:is |has been |was )?(?:blocked|banned|listed)\b"
    r"|\b(?:poor|bad|low) reputation\b"
)
_THROTTLED = (
    r"\btoo (?:many|much|fast|quickly)\b|\brate ?limit|\bunusual rate\b|\btemporarily deferred\b|\bTSS0\d"
    r"|\breceiving mail (?:at a rate|too quickly)|\bthrottl|\bserver busy\b"
)

_NO_RELAY = r"\brelay(?:ing)? (?:access )?(?:denied|not permitted)"  # Postfix and Exim
_FILTERED = r"\b(?:spam|virus|malware|phishing|content|url|attachment)\b"
_LATER = r"\bgr[ae]y-?list|\btry again (?:later|in)\b|\bretry later\b"
_FULL = r"\b(?:over ?quota|quota exceeded|mailbox (?:is )?full|exceeded storage)\b"
_DISABLED = r"\(554\.30\)|\bmailbox is (?:disabled|inactive)|\boverquotaperm\b"

RULES: tuple[Rule, ...] = (
    # The session: nothing here is about the message or its recipient.
    _rule("auth", _C.ROUTE_DOWN, (_S.AUTH,), action=_RETRY),
    _rule("starttls", _C.TLS, (_S.STARTTLS,), action=_RETRY),
    _rule("greeting-5xx", _C.BLOCK_REPUTATION, _GREETING, code=r"5..", action=_RETRY),
    _rule("greeting-421", _C.THROTTLED, _GREETING, code=r"421", action=_RETRY),
    _rule("greeting-4xx", _C.CONNECTION, _GREETING, action=_RETRY),
    _rule("421", _C.THROTTLED, code=r"421", action=_RETRY),
    # A smart host that does not know us is broken for every message (RFC 4954 section 6).
    _rule("auth-required", _C.ROUTE_DOWN, (_S.MAIL, _S.RCPT), code=r"530|535|538", action=_RETRY),
    _rule("relay-denied", _C.ROUTE_DOWN, (_S.MAIL, _S.RCPT), text=_NO_RELAY, relayed=True, action=_RETRY),
    # What is said in clear, whatever the code.
    _rule("too-large", _C.MESSAGE_TOO_LARGE, enhanced=r"3\.4|2\.3"),
    _rule("too-large-552", _C.MESSAGE_TOO_LARGE, (_S.MAIL,), code=r"552"),
    _rule("blocked", _C.BLOCK_REPUTATION, text=_BLOCKED, action=_RETRY),
    # Microsoft 365: `550 5.4.1 Recipient address rejected: Access denied` is its edge blocking of unknown recipients.
    _rule("microsoft-edge", _C.INVALID_RECIPIENT, (_S.RCPT, _S.DOT), code=r"5..", enhanced=r"4\.1",
          text=r"recipient address rejected: access denied"),
    _rule("sender", _C.SENDER_REJECTED, enhanced=r"1\.[78]|7\.27"),
    _rule("mail-5xx", _C.SENDER_REJECTED, (_S.MAIL,), code=r"5.."),
    # Enhanced codes.
    _rule("no-recipient", _C.INVALID_RECIPIENT, enhanced=r"1\.[136]"),
    _rule("no-domain", _C.INVALID_DOMAIN, enhanced=r"1\.2|1\.10"),
    # Yahoo: `554 30 Sorry, your message to … cannot be delivered. This mailbox is disabled (554.30)`.
    _rule("mailbox-disabled", _C.INACTIVE_MAILBOX, text=_DISABLED),
    _rule("mailbox-rate", _C.THROTTLED, enhanced=r"2\.1", text=_THROTTLED, action=_RETRY),
    _rule("mailbox-inactive", _C.INACTIVE_MAILBOX, enhanced=r"2\.1|7\.13"),
    # RFC 5321 section 4.5.3.1.10: 552 to RCPT is to be taken as 452.
    _rule("rcpt-552", _C.MAILBOX_FULL, (_S.RCPT,), code=r"552", action=_RETRY, hard=False),
    _rule("mailbox-full", _C.MAILBOX_FULL, enhanced=r"2\.2", hard=False),
    _rule("too-many-recipients", _C.THROTTLED, enhanced=r"5\.3", action=_RETRY),
    _rule("loop", _C.ROUTING_DNS, enhanced=r"4\.6"),
    _rule("peer-routing", _C.ROUTING_DNS, enhanced=r"4\..*", action=_RETRY),
    _rule("protocol", _C.PROTOCOL, enhanced=r"5\..*"),
    _rule("content", _C.CONTENT_REJECTED, enhanced=r"6\..*"),
    _rule("rate", _C.THROTTLED, enhanced=r"7\.28", action=_RETRY),
    _rule("authentication", _C.POLICY_AUTH, enhanced=r"7\.(?:2[0-9]|30|515)"),
    # Texts, for codes that say little: 5.7.1, x.0.0, or none at all.
    _rule("authentication-text", _C.POLICY_AUTH, text=r"\b(?:spf|dkim|dmarc)\b"),
    _rule("content-text", _C.CONTENT_REJECTED, _MESSAGE, text=_FILTERED),
    _rule("throttled-text", _C.THROTTLED, code=r"4..", text=_THROTTLED),
    _rule("throttled", _C.THROTTLED, code=r"4..", enhanced=r"7\.0"),
    _rule("greylist-text", _C.GREYLISTED, code=r"4..", text=_LATER),
    _rule("greylist", _C.GREYLISTED, (_S.RCPT, _S.DATA, _S.DOT), code=r"4..", enhanced=r"7\.1"),
    _rule("full-text", _C.MAILBOX_FULL, text=_FULL, hard=False),
    _rule("relay-denied-text", _C.ROUTING_DNS, (_S.RCPT,), text=_NO_RELAY, action=_RETRY),
    _rule("no-user-text", _C.INVALID_RECIPIENT, (_S.RCPT,), code=r"55[03]", text=_NO_USER),
    _rule("policy", _C.CONTENT_REJECTED, _MESSAGE, code=r"5..", enhanced=r"7\.1"),
    _rule("syntax", _C.PROTOCOL, code=r"50[0-4]"),
    _rule("any", _C.UNDETERMINED),
)  # fmt: skip
