"""Sendy's numbers over all e-mails, as its page on tracking shows them under "Get Global Stats". Pure."""

from __future__ import annotations

from collections.abc import Mapping


def statistics_view(counts: Mapping[str, int]) -> dict[str, float]:
    """Opens and clicks are rated against what was delivered, bounces against all that was sent; in percent."""
    delivered = counts["taken"]
    sent = delivered + counts["bounced"]
    return {
        "sent": sent,
        "delivered": delivered,
        "opens": counts["opens"],
        "uniqueOpens": counts["opened"],
        "clicks": counts["clicks"],
        "uniqueClicks": counts["clicked"],
        "bounces": counts["bounced"],
        "complaints": counts["complained"],
        "unsubscribes": counts["unsubscribed"],
        "openRate": _percent(counts["opened"], delivered),
        "clickRate": _percent(counts["clicked"], delivered),
        "bounceRate": _percent(counts["bounced"], sent),
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0
