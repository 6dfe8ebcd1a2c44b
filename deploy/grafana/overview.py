"""What to look at first: whether the objectives hold, and where it is stuck if they do not."""

from __future__ import annotations

from grafana_foundation_sdk.builders.stat import Panel
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Section, framed
from deploy.grafana.panels import (
    FILTER,
    NUMBER,
    SECONDS,
    SHARE,
    AnyPanel,
    Levels,
    Query,
    by_second,
    gauge,
    lines,
    number,
    quantile,
)
from deploy.prometheus.objectives import DAYS, OBJECTIVES, Objective


def dashboard() -> Dashboard:
    return framed(
        "overview",
        "Overview",
        "Objectives, mail from the request to the reply, and what waits.",
        Section(f"Objectives over {DAYS} days: what is left of the error budget", [*map(_left, OBJECTIVES)]),
        Section("Mail in and out", [_accepted(), _refused(), _end_to_end(), _outcomes()]),
        Section("What waits", [_oldest(), _waiting(), *_numbers()]),
    )


def _left(objective: Objective) -> Panel:
    share = objective.bad_share(f"{DAYS}d", where=FILTER)
    return number(
        f"{objective.title}: {objective.percent}",
        "1 is a budget that nothing was taken from; below 0 the objective is missed. Alerts go by how fast it falls.",
        Query(f"1 - ({share}) / {objective.budget:g}"),
        unit=SHARE,
        levels=Levels(0.5, 0, falling=True),
        width=8,
        decimals=1,
    )


def _accepted() -> AnyPanel:
    return lines(
        "Accepted", "Messages answered with 202 or 250.", by_second("posthorn_accepted_total", "lane, door"),
        stacked=True,
    )  # fmt: skip


def _refused() -> AnyPanel:
    return lines(
        "Refused", "Requests that were refused, by error code; `unavailable` and `internal_error` are our fault.",
        by_second("posthorn_refused_total", "code, door"), stacked=True,
    )  # fmt: skip


def _end_to_end() -> AnyPanel:
    return lines(
        "Accepted until the next hop's 250", "Deliveries alone: what is deferred shows when it arrives.",
        quantile(0.5, "posthorn_end_to_end_seconds", "lane"), quantile(0.99, "posthorn_end_to_end_seconds", "lane"),
        unit=SECONDS,
    )  # fmt: skip


def _outcomes() -> AnyPanel:
    return lines(
        "Attempts by outcome", "How SMTP attempts end.", by_second("posthorn_outcomes_total", "outcome"), stacked=True
    )


def _oldest() -> AnyPanel:
    return lines(
        "Oldest that is due", "Age of the oldest that waits in a database: outbox, sender, webhooks.",
        gauge("posthorn_oldest_age_seconds", "stage, lane", how="max"), unit=SECONDS, levels=Levels(60, 900),
    )  # fmt: skip


def _waiting() -> AnyPanel:
    return lines(
        "Waiting", "Submissions not yet on Kafka, records that a stage has not read, and deliveries of the sender.",
        gauge("posthorn_outbox_backlog", "lane", how="max", legend="outbox {{lane}}"),
        gauge("posthorn_consumer_lag_records", "group", how="max", legend="{{group}}"),
        gauge("posthorn_waiting", "stage, lane", how="max"), unit=NUMBER,
    )  # fmt: skip


def _numbers() -> list[Panel]:
    return [
        number("Paused consumers", "Consumers that wait for Kafka or MongoDB.",
               gauge("posthorn_consumer_paused"), levels=Levels(1, 1)),
        number("Dead letters", "Records on dead-letter topics, replayed or not.",
               Query(f"sum(max by (topic) (posthorn_dead_letter_records{{{FILTER}}}))"), levels=Levels(1, 100)),
        number("Open breakers", "Transports that mail is kept away from.",
               gauge("posthorn_breakers", where='state="open"', how="max"), levels=Levels(1, 5)),
        number("Domains losing records", "Verified domains whose records are gone, in their grace.",
               gauge("posthorn_domains_failing", how="max"), levels=Levels(1, 10)),
        number("Troubled endpoints", "Webhook endpoints that fail, pause or are disabled.",
               Query(f'sum(max by (state) (posthorn_webhook_endpoints{{{FILTER}, state!="well"}}))'),
               levels=Levels(1, 20)),
        number("Failed turns of loops", "Background loops that failed in the last hour.",
               Query(f"sum(increase(posthorn_loop_failures_total{{{FILTER}}}[1h]))"), levels=Levels(1, 10), decimals=0),
    ]  # fmt: skip
