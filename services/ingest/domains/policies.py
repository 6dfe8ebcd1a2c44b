"""SPF and DMARC records: whether they do what the platform needs, and what receivers will stumble over."""

from __future__ import annotations

from collections.abc import Sequence

from services.ingest.domains.tags import InvalidTagsError, parse_tags

MOST_LOOKUPS = 10
LOOKING_UP = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
DMARC_POLICIES = ("none", "quarantine", "reject")
REMOVED_DMARC_TAGS = ("pct", "rf", "ri")


def problem_of_spf(texts: Sequence[str], include: str) -> str | None:
    """What keeps mail from passing SPF (RFC 7208) by the record at the return path; None where nothing does.

    Counts the look-ups of the record's own terms (section 4.6.4: ten in all, those of included records too).
    """
    records = [text for text in texts if text.lower().split(" ", 1)[0] == "v=spf1"]
    if len(records) != 1:
        return "has no SPF record" if not records else f"has {len(records)} SPF records: receivers refuse all of them"
    terms = [term.lower().lstrip("+") for term in records[0].split()[1:]]
    if sum(_mechanism(term) in LOOKING_UP for term in terms) > MOST_LOOKUPS:
        return f"has an SPF record with more than {MOST_LOOKUPS} terms that need look-ups: receivers give it up"
    effective = terms[: next((at for at, term in enumerate(terms) if term.lstrip("-~?") == "all"), len(terms))]
    if f"include:{include}" not in (term.rstrip(".") for term in effective):
        return f"has an SPF record without include:{include} before its `all`"
    return None


def _mechanism(term: str) -> str:
    name = term.lstrip("-~?")
    for separator in ":=/":
        name = name.partition(separator)[0]
    return name


def dmarc_records(texts: Sequence[str]) -> list[str]:
    """Those of a name's TXT records that are DMARC's: their first tag is `v=DMARC1` (RFC 9989)."""
    return [text for text in texts if text.partition(";")[0].replace(" ", "") == "v=DMARC1"]


def problem_of_dmarc(records: Sequence[str]) -> str | None:
    """What keeps receivers from reading a policy out of a name's DMARC records."""
    if not records:
        return "is not published"
    if len(records) > 1:
        return f"stands beside {len(records) - 1} other DMARC record(s): receivers ignore all of them"
    try:
        tags = parse_tags(records[0])
    except InvalidTagsError as error:
        return f"is not a DMARC record: it {error}"
    policy = tags.get("p", "none" if "rua" in tags else "")
    if policy.lower() not in DMARC_POLICIES:
        return f"has no policy: p= is one of {', '.join(DMARC_POLICIES)}"
    return None


def warning_of_dmarc(records: Sequence[str]) -> str | None:
    """Names the tags that RFC 9989, which took the place of RFC 7489 in 2026, has no more."""
    for record in records:
        try:
            removed = [f"{tag}=" for tag in REMOVED_DMARC_TAGS if tag in parse_tags(record)]
        except InvalidTagsError:
            continue
        if removed:
            return f"has tags that receivers ignore since RFC 9989: {', '.join(removed)}"
    return None
