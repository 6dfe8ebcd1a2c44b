"""A sending domain in words: how it stands, what each record is for and what the DNS shows of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.ingest.domains.records import Purpose

View = Mapping[str, Any]
LONGEST_STRING = 255

WHY = {
    Purpose.OWNERSHIP: ("Ownership", "Shows that the domain is yours. It has to stay."),
    Purpose.DKIM: ("DKIM key", "Receivers check the signature of your mail with it."),
    Purpose.RETURN_PATH: ("Return path", "Bounces come back by it, and SPF passes for your own domain."),
    Purpose.DMARC: ("DMARC", "Large mailbox providers ask for a policy of your own."),
    Purpose.TRACKING: ("Tracking", "Tracked links and pictures lead through your own name."),
}
KEY_STATES = {
    "pending": "not shown by the DNS yet",
    "published": "shown, stands by until a rotation",
    "active": "signs your mail",
    "retiring": "signs no more; stays published while mail on its way names it",
    "revoked": "deleted; take its record away, or publish it empty",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """`tone` is one of the console's: good, calm, warn, bad, mute."""

    tone: str
    title: str
    advice: str


def standing_of(view: View) -> Standing:
    """How a domain stands, and what to do about it."""
    open_ones = [record for record in view["dns"] if not record["is_valid"]]
    needed, advised = [r for r in open_ones if r["required"]], [r for r in open_ones if not r["required"]]
    if view["status"] == "suspended":
        return Standing("bad", "Suspended: it may not send", "Its records are gone. Publish them again, then check.")
    if view["status"] == "failing":
        return Standing(
            "warn", "Required records are gone", "It still sends for now; bring them back before it is suspended."
        )
    if view["status"] == "pending":
        return Standing("calm", "Not verified yet", _to_publish(needed))
    if view["rotating"]:
        return Standing("calm", "Verified; new DKIM keys wait", "Publish their records below; they take over then.")
    if advised:
        names = ", ".join(dict.fromkeys(title_of(record) for record in advised))
        return Standing("good", "Verified: it may send", f"Still worth publishing: {names}.")
    return Standing("good", "Verified: it may send", "Every record is there. They are looked at daily.")


def _to_publish(needed: list[Mapping[str, Any]]) -> str:
    if not needed:
        return "The required records are there; check now to have it verified."
    many = "the required record" if len(needed) == 1 else f"the {len(needed)} required records"
    return f"Publish {many} below at the domain's DNS provider. Posthorn looks by itself, soon; or check now."


def title_of(record: View) -> str:
    """What a record is called: `DKIM key ph1`."""
    title = WHY[Purpose(record["purpose"])][0]
    return f"{title} {record['selector']}" if record["selector"] else title


def record_of(view: View, record: View) -> dict[str, Any]:
    """A record as its domain's page shows it."""
    tone, state = state_of(view, record)
    return {
        **record,
        "title": title_of(record),
        "why": WHY[Purpose(record["purpose"])][1],
        "tone": tone,
        "state": state,
    }


def state_of(view: View, record: View) -> tuple[str, str]:
    """The tone and the words of what the last look showed: found, missing, wrong, or not known."""
    if record["is_valid"]:
        return ("warn", "found, with a warning") if record["warning"] else ("good", "found")
    if view["checked_at"] is None:
        return "mute", "not looked up yet"
    if "could not be looked up" in (record["problem"] or ""):
        return "mute", "DNS did not answer"
    word = "wrong" if record["found"] else "missing"
    return ("bad" if record["required"] else "warn"), word


def summary_of(view: View) -> dict[str, Any]:
    """A domain as a row of the list."""
    valid = sum(record["is_valid"] for record in view["dns"])
    missing = [title_of(record) for record in view["dns"] if record["required"] and not record["is_valid"]]
    return {**view, "valid": valid, "wanted": len(view["dns"]), "missing": missing}


def checked(view: View) -> str:
    """What to say after a look at the DNS."""
    summary = summary_of(view)
    said = f"Looked at the DNS: {summary['valid']} of {summary['wanted']} records are as they should be."
    return f"{said} Required and not there: {', '.join(summary['missing'])}." if summary["missing"] else said


def zone_file(records: Iterable[View]) -> str:
    """The records as a zone file has them (RFC 1035 section 5.1), texts cut into strings of at most 255 bytes."""
    return "\n".join(f"{record['name']}. 3600 IN {record['type']} {_data(record)}" for record in records)


def _data(record: View) -> str:
    value = record["value"]
    if record["type"] != "TXT":
        return f"{value}."
    pieces = [value[start : start + LONGEST_STRING] for start in range(0, len(value), LONGEST_STRING)]
    return " ".join(f'"{piece}"' for piece in pieces)
