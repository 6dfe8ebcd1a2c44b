"""Deliveries: how they end at each provider, and what holds them up."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Section, framed
from deploy.grafana.panels import FILTER, NUMBER, PER, SECONDS, SHARE, Levels, Query, by_second, gauge, lines, quantile
from deploy.prometheus.expressions import joined, rate

OUTCOMES = "posthorn_outcomes_total"
BLOCKS = 'class="block_reputation"'


def _rate(matcher: str = "") -> str:
    return rate(OUTCOMES, PER, "rollup", joined(FILTER, matcher))


def _share(matcher: str) -> Query:
    """The share of attempts that the matcher finds; 0 where it never found any."""
    return Query(f"({_rate(matcher)} or 0 * {_rate()}) / ({_rate()} > 0)", "{{rollup}}")


def dashboard() -> Dashboard:
    return framed(
        "sender",
        "Sender",
        "Attempts by rollup, connections, TLS, adaptation and warm-up.",
        Section("What waits", [
            lines("Oldest that is due", "By lane.",
                  gauge("posthorn_oldest_age_seconds", "lane", 'stage="sender"', how="max"), unit=SECONDS,
                  levels=Levels(60, 900), width=8),
            lines("Waiting", "Deliveries by lane.", gauge("posthorn_waiting", "lane", 'stage="sender"', how="max"),
                  unit=NUMBER, width=8),
            lines("Until the first attempt", "Acceptance or release until it begins; critical mail within 5 s.",
                  quantile(0.5, "posthorn_first_attempt_seconds", "lane"),
                  quantile(0.99, "posthorn_first_attempt_seconds", "lane"), unit=SECONDS, width=8),
        ]),
        Section("Outcomes by rollup", [
            lines("Attempts", "All of them.", by_second(OUTCOMES, "rollup"), stacked=True),
            lines("Share deferred", "A provider that slows us down.", _share('outcome="deferred"'),
                  unit=SHARE, levels=Levels(0.2, 0.5), most=1),
            lines("Share bounced", "More than 5 % costs reputation.", _share('outcome="bounced"'),
                  unit=SHARE, levels=Levels(0.02, 0.05), most=1),
            lines("Why not", "Classes of what was not delivered.",
                  by_second(OUTCOMES, "class", 'outcome!~"delivered|relayed"'), stacked=True),
            lines("Blocks", "Replies that speak of a block list or a bad name.",
                  Query(f"{_rate(BLOCKS)} or 0 * {_rate()}", "{{rollup}}")),
            lines("Ambiguous", "The reply after the final dot was lost: each may become a second copy.",
                  by_second("posthorn_ambiguous_total", "rollup")),
        ]),
        Section("Connections", [
            lines("Open against allowed", "Of all processes.",
                  gauge("posthorn_destination_connections", "provider", legend="open {{provider}}"),
                  gauge("posthorn_destination_slots", "provider", legend="slots {{provider}}"), unit=NUMBER, width=8),
            lines("Limits as adapted", "Connections that all processes may have now.",
                  gauge("posthorn_destination_limit", "provider", how="max"), unit=NUMBER, width=8),
            lines("Rates as adapted", "Messages a second, of destinations that have one.",
                  gauge("posthorn_destination_rate", "provider"), width=8),
            lines("Left alone", "Destinations that cool down.", gauge("posthorn_destinations_cooling", "provider"),
                  unit=NUMBER, width=8),
            lines("Decreases", "What adaptation did.",
                  by_second("posthorn_destination_decreases_total", "provider, kind"), width=8),
            lines("Phases of conversations", "p99 of each.", quantile(0.99, "posthorn_smtp_phase_seconds", "phase"),
                  unit=SECONDS, width=8),
        ]),
        Section("TLS and DNS", [
            lines("TLS sessions", "By the policy that they were held to, and its result.",
                  by_second("posthorn_tls_sessions_total", "policy, result"), width=8),
            lines("MTA-STS policies fetched", "By result.", by_second("posthorn_mta_sts_fetches_total", "result"),
                  width=8),
            lines("Look-ups of hosts", "By type and result.", by_second("posthorn_host_lookups_total", "type, result"),
                  width=8),
        ]),
        Section("Sources and processes", [
            lines("Warm-up", "Messages of today against what a source may send.",
                  gauge("posthorn_warmup_used", "source", how="max", legend="sent {{source}}"),
                  gauge("posthorn_warmup_cap", "source", how="max", legend="cap {{source}}"), unit=NUMBER, width=8),
            lines("Under way", "Conversations of all processes.",
                  gauge("posthorn_in_flight", where='stage="sender"', legend="conversations"), unit=NUMBER, width=8),
            lines("Taken, and leases that ran out", "A lease that runs out is a process that died or stalled.",
                  by_second("posthorn_deliveries_taken_total", "by"),
                  by_second("posthorn_leases_recovered_total", "collection", legend="recovered {{collection}}"),
                  width=8),
            lines("EHLO names that are wrong", "Names that are not those of our addresses.",
                  gauge("posthorn_greeting_names_wrong", how="max", legend="wrong"), unit=NUMBER, width=12),
            lines("Bounce rules refused", "1 while the operator's file is broken.",
                  gauge("posthorn_bounce_rules_refused", how="max", legend="refused"), unit=NUMBER, width=12),
        ]),
    )  # fmt: skip
