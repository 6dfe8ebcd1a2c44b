"""The doors, what comes in through them, and what publishes it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Section, framed
from deploy.grafana.panels import FILTER, NUMBER, SECONDS, SHARE, Levels, Query, by_second, gauge, lines, quantile
from deploy.prometheus.objectives import ACCEPT

HTTP = "posthorn_http_request_seconds"
SENDING = 'method="POST", route=~".*/(emails|send|batch)"'


def dashboard() -> Dashboard:
    return framed(
        "ingest",
        "Ingest",
        "The API, the SMTP door, the relay and the read model.",
        Section("Accepting", [
            lines("Asked for", "Sends by door and result; `failed` is what counts against the objective.",
                  by_second("posthorn_accept_requests_total", "door, result"), stacked=True),
            lines("Share that failed", "Of everything asked for at all doors.",
                  Query(ACCEPT.bad_share("$__rate_interval", where=FILTER), "failed"), unit=SHARE,
                  levels=Levels(ACCEPT.budget, 14.4 * ACCEPT.budget)),
            lines("Refused", "By error code.", by_second("posthorn_refused_total", "code, door"), stacked=True),
            lines("Time to answer a send", "Routes that messages are sent by.",
                  quantile(0.5, HTTP, where=SENDING), quantile(0.99, HTTP, "route", SENDING), unit=SECONDS),
        ]),
        Section("HTTP", [
            lines("Requests by status", "All routes of all services.", by_second(f"{HTTP}_count", "status"),
                  stacked=True),
            lines("Slowest routes", "p99 of the ten slowest routes.",
                  Query(f"topk(10, {quantile(0.99, HTTP, 'route, method').expr})", "{{method}} {{route}}", True),
                  unit=SECONDS),
        ]),
        Section("SMTP door", [
            lines("Connections", "Open, by door.", gauge("posthorn_smtp_connections", "door"), unit=NUMBER, width=8),
            lines("Logins", "A rise of `failed` is somebody who guesses.",
                  by_second("posthorn_smtp_logins_total", "result"), width=8),
            lines("Refusals", "By reply and enhanced code.", by_second("posthorn_smtp_refused_total", "door, reply"),
                  width=8),
        ]),
        Section("Publishing", [
            lines("Outbox", "Submissions that are accepted and not on Kafka.",
                  gauge("posthorn_outbox_backlog", "lane", how="max"), unit=NUMBER, width=8),
            lines("Oldest in the outbox", "Since it was accepted or released.",
                  gauge("posthorn_oldest_age_seconds", "lane", 'stage="outbox"', how="max"), unit=SECONDS,
                  levels=Levels(10, 60), width=8),
            lines("Published and projected", "Records past the relay, and folded into the read model.",
                  by_second("posthorn_stage_records_total", "stage, lane", 'stage=~"published|projected"'), width=8),
            lines("Until published", "Acceptance or release until Kafka has it.",
                  quantile(0.99, "posthorn_stage_seconds", "lane", 'stage="published"'), unit=SECONDS, width=8),
            lines("Scheduled, swept", "Released when due; handed to the relay once more.",
                  by_second("posthorn_scheduled_released_total", legend="released"),
                  by_second("posthorn_swept_total", "lane", legend="swept {{lane}}"), width=8),
            lines("Writes gathered into one", "Mean of each collection.",
                  Query(f"sum by (collection) (rate(posthorn_group_commit_writes_sum{{{FILTER}}}[$__rate_interval])) / "
                        f"sum by (collection) (rate(posthorn_group_commit_writes_count{{{FILTER}}}[$__rate_interval]))",
                        "{{collection}}"), unit=NUMBER, width=8),
        ]),
        Section("What comes back", [
            lines("Tracked links", "Opens, clicks and unsubscriptions, and what became of them.",
                  by_second("posthorn_tracked_hits_total", "type, result"), width=8),
            lines("Return door", "Reports and replies by mail.", by_second("posthorn_returns_total", "type, result"),
                  width=8),
            lines("Replies passed on", "Or why they were refused.", by_second("posthorn_replies_total", "result"),
                  width=8),
        ]),
    )  # fmt: skip
