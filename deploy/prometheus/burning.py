"""Alerts on how fast an objective's error budget goes: two windows each, of which the short one ends the alert soon
after its cause (Google, The Site Reliability Workbook, chapter 5, table 5-8)."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.prometheus.alerts import PAGE, TICKET, Alert
from deploy.prometheus.objectives import ACCEPT, CRITICAL, DAYS, OBJECTIVES, WEBHOOKS, Objective

LEAST = 5
"""Bad events within the long window below which nobody is called: one of three is no third of anything."""
ALERT_NAMES = {
    ACCEPT: "PosthornAcceptFails",
    CRITICAL: "PosthornCriticalSlow",
    WEBHOOKS: "PosthornWebhooksSlow",
}


@dataclass(frozen=True)
class Windows:
    """`burn` is how many times as fast as the budget allows; at that pace `spent` of it goes within `long`."""

    long: str
    short: str
    burn: float
    spent: str
    severity: str


WINDOWS = (
    Windows("1h", "5m", 14.4, "2 %", PAGE),
    Windows("6h", "30m", 6, "5 %", PAGE),
    Windows("1d", "2h", 3, "10 %", TICKET),
    Windows("3d", "6h", 1, "10 %", TICKET),
)


def recorded_name(objective: Objective, per: str) -> str:
    """The recorded share of bad events, by the conventions of Prometheus: level:metric:operations."""
    return f"namespace:posthorn_{objective.name}_bad:ratio_rate{per}"


def recordings() -> list[tuple[str, str]]:
    """Each recorded series and its expression."""
    spans = dict.fromkeys(span for windows in WINDOWS for span in (windows.short, windows.long))
    return [
        (recorded_name(objective, span), objective.bad_share(span, "namespace"))
        for objective in OBJECTIVES
        for span in spans
    ]


def burn_alerts() -> list[Alert]:
    return [_alert(objective, windows) for objective in OBJECTIVES for windows in WINDOWS]


def _alert(objective: Objective, windows: Windows) -> Alert:
    most = f"{windows.burn:g} * {objective.budget:g}"
    long, short = (recorded_name(objective, per) for per in (windows.long, windows.short))
    bad = objective.bad_events(windows.long, "namespace")
    return Alert(
        ALERT_NAMES[objective],
        windows.severity,
        f"{long} > {most} and {short} > {most} and ({bad}) >= {LEAST}",
        f"{objective.title}: the error budget goes {windows.burn:g} times too fast",
        f"{{{{ $value | humanizePercentage }}}} were bad within {windows.long}, and {objective.percent} of {DAYS} days"
        f" are to be good: {windows.spent} of that budget within {windows.long}.",
        window=windows.long,
    )
