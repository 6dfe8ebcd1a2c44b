"""Webhooks: whether they come in time, and how their endpoints do."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Section, framed
from deploy.grafana.panels import NUMBER, SECONDS, Levels, by_second, gauge, lines, quantile

FIRST = "posthorn_webhook_first_post_seconds"


def dashboard() -> Dashboard:
    return framed(
        "webhooks",
        "Webhooks",
        "First posts, endpoints and what waits.",
        Section("In time", [
            lines("Until the first post", "From the event; `resting` endpoints were left alone meanwhile.",
                  quantile(0.5, FIRST, "endpoint"), quantile(0.99, FIRST, "endpoint"), unit=SECONDS,
                  levels=Levels(30, 300), width=8),
            lines("Oldest that is due", "Retries of endpoints that are down are not due before their time.",
                  gauge("posthorn_oldest_age_seconds", "stage", 'stage="webhooks"', how="max"), unit=SECONDS,
                  levels=Levels(30, 300), width=8),
            lines("Attempts not yet told", "Attempts that are recorded and not yet on Kafka.",
                  gauge("posthorn_unpublished", "collection", 'collection="webhooks.attempts"', how="max"),
                  unit=NUMBER, width=8),
        ]),
        Section("Endpoints", [
            lines("Endpoints", "What is known of them. Which ones: the console, under Webhooks.",
                  gauge("posthorn_webhook_endpoints", "state", how="max"), unit=NUMBER, stacked=True, width=8),
            lines("Disabled", "Because they were gone, or failed for days.",
                  by_second("posthorn_webhook_endpoints_disabled_total", "reason"), width=8),
            lines("Pauses asked for", "Replies 429 and 503 with Retry-After.",
                  by_second("posthorn_webhook_pauses_total", legend="pauses"), width=8),
        ]),
        Section("Posts", [
            lines("Attempts", "By outcome.", by_second("posthorn_webhook_attempts_total", "outcome"), stacked=True,
                  width=8),
            lines("Time of a post", "What endpoints take to answer.", quantile(0.5, "posthorn_webhook_seconds"),
                  quantile(0.99, "posthorn_webhook_seconds"), unit=SECONDS, width=8),
            lines("Under way", "Posts of all processes.",
                  gauge("posthorn_in_flight", where='stage="webhooks"', legend="posts"), unit=NUMBER, width=8),
        ]),
    )  # fmt: skip
