"""What is stopped, and what is on the lists."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Section, framed
from deploy.grafana.panels import FILTER, SECONDS, SHARE, Query, by_second, lines, quantile

STOPPED = f"sum(rate(posthorn_suppressed_total{{{FILTER}}}[$__rate_interval]))"
CHECKED = f'sum(rate(posthorn_stage_records_total{{{FILTER}, stage="checked"}}[$__rate_interval]))'


def dashboard() -> Dashboard:
    return framed(
        "suppression",
        "Suppression",
        "Messages checked against the lists, and changes of the lists.",
        Section("Checks", [
            lines("Stopped", "By the reason of the entry.", by_second("posthorn_suppressed_total", "reason"),
                  stacked=True),
            lines("Share stopped", "Of what was checked; a jump is a list that was imported, or a stolen key.",
                  Query(f"{STOPPED} / ({CHECKED} > 0)", "stopped"), unit=SHARE),
            lines("Checked", "Messages by lane.",
                  by_second("posthorn_stage_records_total", "lane", 'stage="checked"')),
            lines("Until checked", "Acceptance or release until the check has passed it on.",
                  quantile(0.5, "posthorn_stage_seconds", "lane", 'stage="checked"'),
                  quantile(0.99, "posthorn_stage_seconds", "lane", 'stage="checked"'), unit=SECONDS),
        ]),
        Section("Lists", [
            lines("Changes", "Entries added and removed, by reason.",
                  by_second("posthorn_suppression_changes_total", "change, reason"), width=24),
        ]),
    )  # fmt: skip
