"""What consumers have not read, how they work, and what they could not."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Section, framed
from deploy.grafana.panels import FILTER, NUMBER, SECONDS, Levels, Query, by_second, gauge, lines, quantile

BATCH = "posthorn_batch_records"


def dashboard() -> Dashboard:
    sizes = [Query(quantile(share, BATCH, "consumer").expr, f"p{share * 100:g} {{{{consumer}}}}") for share in (0.5,)]
    return framed(
        "kafka",
        "Kafka",
        "Lag by group, batches, and dead letters.",
        Section("Lag", [
            lines("Unread records", "By group and topic, as the relay measures it.",
                  gauge("posthorn_consumer_lag_records", "group, topic", how="max"), unit=NUMBER),
            lines("Paused consumers", "1 while one waits for Kafka or MongoDB.",
                  gauge("posthorn_consumer_paused", "consumer", how="max"), unit=NUMBER),
        ]),
        Section("Dead letters", [
            lines("On dead-letter topics", "Replayed or not: a replay leaves them there for their seven days.",
                  gauge("posthorn_dead_letter_records", "topic", how="max"), unit=NUMBER),
            lines("Sent to dead letters", "By topic and reason, within the last hour.",
                  Query(f"sum by (topic, reason) (increase(posthorn_dead_letters_total{{{FILTER}}}[1h]))",
                        "{{topic}} {{reason}}"), unit=NUMBER, levels=Levels(1, 10)),
            lines("Left out", "Of a kind that only a newer version knows, within the last hour: a roll-out.",
                  Query(f"sum by (topic) (increase(posthorn_newer_records_total{{{FILTER}}}[1h]))", "{{topic}}"),
                  unit=NUMBER),
        ]),
        Section("Stages", [
            lines("Records", "Through each stage.", by_second("posthorn_stage_records_total", "stage, lane")),
            lines("Since acceptance", "p99 until each stage has passed a message on.",
                  quantile(0.99, "posthorn_stage_seconds", "stage, lane"), unit=SECONDS),
        ]),
        Section("Batches", [
            lines("Time of a batch", "p99 by consumer.", quantile(0.99, "posthorn_batch_seconds", "consumer"),
                  unit=SECONDS, width=8),
            lines("Records in a batch", "Median by consumer; large ones are cheap ones.", *sizes, unit=NUMBER, width=8),
            lines("Age of configuration copies", "Since each service last heard of configuration.",
                  gauge("posthorn_entity_copy_age_seconds", "job", how="max"), unit=SECONDS,
                  levels=Levels(90_000, 180_000), width=8),
        ]),
    )  # fmt: skip
