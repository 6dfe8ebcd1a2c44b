"""What happened to a message in one sentence, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.ingest.projection.narration.decisions import suppressed_by
from services.ingest.projection.narration.wording import short

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """`tone` is one of the console's: good, calm, warn, bad, mute."""

    tone: str
    title: str
    why: str
    advice: str


REFUSALS: dict[str, tuple[str, str]] = {
    "invalid_recipient": (
        "There is no such mailbox.",
        "Ask for another address, or look for a typing error in this one, and send again.",
    ),
    "invalid_domain": (
        "The recipient's domain takes no mail.",
        "Look for a typing error behind the @, and send again to the right address.",
    ),
    "inactive_mailbox": (
        "The mailbox is there, but nobody uses it any more.",
        "Ask for another address. Mail to this one is suppressed.",
    ),
    "mailbox_full": (
        "The recipient's mailbox is full.",
        "Tell the recipient by another way to make room; then send again.",
    ),
    "message_too_large": (
        "The recipient's host takes no message of this size.",
        "Send it with smaller attachments, or with links in place of them.",
    ),
    "content_rejected": (
        "The recipient's host refused what the message says.",
        "Look at the preview for links and words that filters refuse, change the template, and send again.",
    ),
    "policy_auth": (
        "The recipient's host did not accept the sending domain's proof (SPF, DKIM or DMARC).",
        "Open the sending domain and have its records checked; publish what is missing, and send again.",
    ),
    "block_reputation": (
        "The recipient's host blocks the address that it was sent from.",
        "Look at the transport's health under Routing; another transport may be let in meanwhile.",
    ),
    "throttled": (
        "The recipient's host takes no more from us for now.",
        "Nothing has to be done: the rate is lowered by itself, and the message is tried again.",
    ),
    "greylisted": (
        "The recipient's host lets new senders wait once.",
        "Nothing has to be done: the next attempt usually gets through.",
    ),
    "sender_rejected": (
        "The recipient's host does not accept this sender.",
        "Check that the sender's domain exists and is verified, or send from another address.",
    ),
    "routing_dns": (
        "The recipient's mail hosts cannot be found in the DNS.",
        "Look for a typing error in the domain; otherwise its owner has to repair its DNS.",
    ),
    "protocol": (
        "The recipient's host broke off the conversation.",
        "The transcript below shows where; its operator can tell why.",
    ),
    "connection": (
        "The recipient's host could not be reached.",
        "If other mail to this domain waits too, its host is down. It is tried again by itself.",
    ),
    "tls": (
        "No encrypted connection could be made, and its domain or route asks for one.",
        "The transcript below shows the fault; the host's operator has to repair its certificate.",
    ),
    "route_down": (
        "The transport could not be reached.",
        "Look at the transport's health under Routing; other transports take over where a rule names them.",
    ),
}
UNKNOWN = ("The recipient's host refused it.", "Its words are in the transcript below.")
FAILURES: dict[str, tuple[str, str]] = {
    "expired": ("Its time was up before anybody took it.", "Send it again if it is still of use."),
    "no_route": ("No rule or transport could take it.", "Look at the rules and transports under Routing."),
    "no_transport": ("None of its transports can be used.", "Look at the transports' health under Routing."),
    "content_gone": ("What it says is not kept any more.", "Send it anew from the application."),
}
UNSUPPRESSED = "If that is over, remove the suppression and send again."


def explained(view: Mapping[str, Any], timeline: list[dict[str, Any]]) -> Explanation:
    """A message's view and timeline, as the API gives them, in a sentence for who has the recipient on the phone."""
    if view.get("complained_at"):
        return Explanation(
            "bad",
            "The recipient complained",
            "It arrived, and was reported as spam.",
            "Do not send again. Mail to the address is suppressed; find out why it was not wanted.",
        )
    return BY_STATUS.get(view["status"], _waiting)(view, timeline)


def _delivered(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    reply = view.get("last_reply") or {}
    words = f" It answered “{short(str(reply['reply']))}”." if reply.get("reply") else ""
    return Explanation(
        "good",
        "Delivered",
        f"{reply.get('host') or 'The recipient’s mail host'} took it.{words}",
        "If it is not seen, have the recipient look for it among spam; their mail host can find it by its answer.",
    )


def _sent(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    route = view.get("route") or {}
    return Explanation(
        "good",
        "Handed on",
        f"The smart host {route.get('name') or ''} took it to deliver it.".replace("  ", " "),
        "From here on that host knows more; a bounce that comes back will show here.",
    )


def _bounced(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    why, advice = _refusal(view)
    late = any(entry.get("data", {}).get("oob") for entry in timeline if entry["step"] == "bounced")
    return Explanation("bad", "Came back" if late else "Refused", why, advice)


def _deferred(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    if any(entry.get("event") == "ambiguous" for entry in timeline[-1:]):
        return Explanation(
            "warn",
            "Nobody knows",
            "The connection broke after the message had been sent and before its answer came.",
            "It may have arrived. It is tried again, so that it may arrive twice.",
        )
    why, advice = _refusal(view)
    return Explanation("warn", "Waiting for another attempt", why, advice)


def _suppressed(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    checks = [entry for entry in timeline if entry["step"] in ("checked", "suppressed")]
    detail = checks[-1] if checks else {}
    data = detail.get("data") or detail
    why = suppressed_by(data.get("reason"), data.get("scope"))
    return Explanation("mute", "Not sent", f"It was held back, as {why}.", UNSUPPRESSED)


def _failed(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    data = next((entry.get("data") or {} for entry in reversed(timeline) if entry["step"] == "failed"), {})
    known = FAILURES.get(str(data.get("reason")))
    why, advice = known or ("It could not be sent.", "The last step below says why.")
    return Explanation("bad", "Failed", why, advice)


def _canceled(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    return Explanation("mute", "Canceled", "Somebody asked for it not to be sent.", "It can be sent again.")


def _stuck(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    return Explanation(
        "bad",
        "Stopped by a fault of Posthorn",
        "A step could not process it, and it is kept safe.",
        "Tell who runs Posthorn: it goes on once the dead letters are replayed.",
    )


def _scheduled(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    return Explanation("calm", "Scheduled", "It waits for the time that it was asked for.", "It can be canceled.")


def _waiting(view: Entry, timeline: list[dict[str, Any]]) -> Explanation:
    last = timeline[-1]["summary"] if timeline else "It was accepted."
    return Explanation("calm", "On its way", last, "This page follows it by itself.")


def _refusal(view: Entry) -> tuple[str, str]:
    return REFUSALS.get(str((view.get("last_reply") or {}).get("class")), UNKNOWN)


BY_STATUS = {
    "delivered": _delivered,
    "sent": _sent,
    "bounced": _bounced,
    "deferred": _deferred,
    "suppressed": _suppressed,
    "failed": _failed,
    "canceled": _canceled,
    "stuck": _stuck,
    "scheduled": _scheduled,
}
