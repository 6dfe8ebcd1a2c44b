"""Where mail is sent by, and how its transports and sending domains do."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Section, framed
from deploy.grafana.panels import NUMBER, SECONDS, Levels, by_second, gauge, lines, quantile


def dashboard() -> Dashboard:
    return framed(
        "router",
        "Router",
        "Decisions, breakers of transports, reputations of sending domains.",
        Section("Health", [
            lines("Breakers that are not closed", "Of whole transports, and of transports towards one rollup.",
                  gauge("posthorn_breakers", "of, state", how="max"), unit=NUMBER, levels=Levels(1, 5), width=8),
            lines("Changes of breakers", "By the state after them.",
                  by_second("posthorn_breaker_transitions_total", "of, state"), width=8),
            lines("Sending domains that are not good", "Their complaints and hard bounces cost all others.",
                  gauge("posthorn_reputations", "state", how="max"), unit=NUMBER, width=8),
        ]),
        Section("Decisions", [
            lines("Decisions", "The kind of transport taken, else the verdict.",
                  by_second("posthorn_routing_decisions_total", "decision"), stacked=True),
            lines("Until routed", "Acceptance or release until the router has passed it on.",
                  quantile(0.5, "posthorn_stage_seconds", "lane", 'stage="routed"'),
                  quantile(0.99, "posthorn_stage_seconds", "lane", 'stage="routed"'), unit=SECONDS),
        ]),
        Section("What decisions are made from", [
            lines("MX look-ups", "By what was found.", by_second("posthorn_dns_lookups_total", "result"), width=8),
            lines("Events that health has read", "`late` ones came after their window.",
                  by_second("posthorn_health_events_total", "result"), width=8),
            lines("Changes of reputations", "By the one after them.",
                  by_second("posthorn_reputation_changes_total", "state"), width=8),
        ]),
    )  # fmt: skip
