"""Every metric of Posthorn. Labels are bounded: no address, domain, message or workspace is ever a label."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from shared.telemetry.tracing import exemplar_of

STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
END_TO_END_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 43200)

HTTP_REQUESTS = Histogram(
    "posthorn_http_request_seconds", "Time to answer an HTTP request", ("route", "method", "status"),
    buckets=STAGE_BUCKETS,
)  # fmt: skip
ACCEPTED = Counter("posthorn_accepted_total", "Messages accepted (202 or 250 given)", ("lane", "door"))
ASKED = Counter(
    "posthorn_accept_requests_total",
    "Sends asked for at a door: ok, refused (the caller's fault), failed (ours; the reply was 5xx, or 451)",
    ("door", "result"),
)
REFUSED = Counter("posthorn_refused_total", "Sending requests refused, by their error code", ("code", "door"))
SMTP_CONNECTIONS = Gauge(
    "posthorn_smtp_connections", "Connections of an SMTP door (submission, returns) that are open", ("door",)
)
CERTIFICATE_ENDS = Gauge(
    "posthorn_certificate_end_timestamp_seconds", "When the certificate that an SMTP door shows expires", ("door",)
)
SMTP_LOGINS = Counter("posthorn_smtp_logins_total", "Logins at the SMTP door: ok, failed", ("result",))
SMTP_REFUSED = Counter(
    "posthorn_smtp_refused_total", "Refusals of an SMTP door, by their code and enhanced code", ("door", "reply")
)
RETURNS = Counter(
    "posthorn_returns_total",
    "Mail at the return door by what it was, and what became of it: told, repeated, unknown, expired, too_many",
    ("type", "result"),
)
REPLIES = Counter("posthorn_replies_total", "Replies to tracked mail: passed on, or refused why", ("result",))
GROUP_COMMIT_SIZE = Histogram(
    "posthorn_group_commit_writes", "Writes (of contacts: look-ups) gathered into one", ("collection",),
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)  # fmt: skip
STAGE_PROCESSED = Counter("posthorn_stage_records_total", "Records that a stage has processed", ("stage", "lane"))
STAGE_SECONDS = Histogram(
    "posthorn_stage_seconds", "Acceptance (or release) of a message until a stage has passed it on",
    ("stage", "lane"), buckets=END_TO_END_BUCKETS,
)  # fmt: skip
BATCH_SECONDS = Histogram(
    "posthorn_batch_seconds", "Time to handle one batch of records", ("consumer",), buckets=STAGE_BUCKETS
)
BATCH_RECORDS = Histogram(
    "posthorn_batch_records", "Records in one batch", ("consumer",), buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
CONSUMER_PAUSED = Gauge(
    "posthorn_consumer_paused", "1 while a consumer waits for infrastructure that is away", ("consumer",)
)
CONSUMER_LAG = Gauge("posthorn_consumer_lag_records", "Unread records", ("group", "topic"))
END_TO_END = Histogram(
    "posthorn_end_to_end_seconds", "Acceptance until the next hop said 250", ("lane",), buckets=END_TO_END_BUCKETS
)
FIRST_ATTEMPT = Histogram(
    "posthorn_first_attempt_seconds", "Acceptance (or release) of a message until its first SMTP attempt begins",
    ("lane",), buckets=END_TO_END_BUCKETS,
)  # fmt: skip
OUTCOMES = Counter(
    "posthorn_outcomes_total", "SMTP attempts by outcome, class and rollup", ("outcome", "class", "rollup")
)
SMTP_PHASE = Histogram("posthorn_smtp_phase_seconds", "Time of one phase of an SMTP conversation", ("phase",),
                       buckets=STAGE_BUCKETS)  # fmt: skip
BOUNCE_RULES_REFUSED = Gauge(
    "posthorn_bounce_rules_refused",
    "1 while the operator's file of bounce rules is broken, and older rules are in force",
)
AMBIGUOUS = Counter("posthorn_ambiguous_total", "Attempts whose reply after the final dot was lost", ("rollup",))
TAKEN = Counter(
    "posthorn_deliveries_taken_total", "Deliveries that a sender has taken at their arrival, or by a claim", ("by",)
)
DESTINATION_CONNECTIONS = Gauge(
    "posthorn_destination_connections", "Connections that this process has open, by provider or kind of rollup",
    ("provider",),
)  # fmt: skip
DESTINATION_SLOTS = Gauge(
    "posthorn_destination_slots", "Connections that this process may have open, by provider or kind of rollup",
    ("provider",),
)  # fmt: skip
DESTINATION_LIMIT = Gauge(
    "posthorn_destination_limit", "Connections that all processes may have now, to the destinations of this one",
    ("provider",),
)  # fmt: skip
DESTINATION_RATE = Gauge(
    "posthorn_destination_rate", "Messages a second of this process, to those of its destinations that have a rate",
    ("provider",),
)  # fmt: skip
DESTINATIONS_COOLING = Gauge(
    "posthorn_destinations_cooling", "Destinations of this process that are left alone for a while", ("provider",)
)
DESTINATION_DECREASES = Counter(
    "posthorn_destination_decreases_total", "Decreases by what they were: halved, slowed, cooldown, suspended",
    ("provider", "kind"),
)  # fmt: skip
WARMUP_USED = Gauge(
    "posthorn_warmup_used",
    "Messages of today that all processes have sent, or set aside to, from a source",
    ("source",),
)
WARMUP_CAP = Gauge("posthorn_warmup_cap", "Messages that a source may send today", ("source",))
GREETING_NAMES_WRONG = Gauge(
    "posthorn_greeting_names_wrong", "Names in EHLO that are not those of our addresses, forth and back", ()
)
IN_FLIGHT = Gauge("posthorn_in_flight", "Conversations or posts under way in this process", ("stage",))
WAITING = Gauge("posthorn_waiting", "What waits, by stage and lane", ("stage", "lane"))
OLDEST_AGE = Gauge("posthorn_oldest_age_seconds", "Age of the oldest that waits and is due", ("stage", "lane"))
OUTBOX_BACKLOG = Gauge("posthorn_outbox_backlog", "Submissions not yet published", ("lane",))
UNPUBLISHED = Gauge("posthorn_unpublished", "Documents whose record is not published yet", ("collection",))
RELEASED = Counter("posthorn_scheduled_released_total", "Scheduled submissions handed to the relay when they were due")
TRACKED_HITS = Counter(
    "posthorn_tracked_hits_total",
    "Requests at tracked links by what became of them: kept, repeated, unknown, refused, lost",
    ("type", "result"),
)
SWEPT = Counter("posthorn_swept_total", "Messages that the sweeper handed to the relay again", ("lane",))
MESSAGES_FORGOTTEN = Counter(
    "posthorn_messages_forgotten_total", "Messages that are no longer shown: older than POSTHORN_MESSAGE_DAYS"
)
DEAD_LETTERS = Counter("posthorn_dead_letters_total", "Records sent to a dead-letter topic", ("topic", "reason"))
NEWER_RECORDS = Counter(
    "posthorn_newer_records_total", "Records left out: of a kind that only a newer Posthorn knows", ("topic",)
)
DEAD_LETTERS_KEPT = Gauge(
    "posthorn_dead_letter_records", "Records that stand on a topic's dead-letter topic, replayed or not", ("topic",)
)
DECISIONS = Counter(
    "posthorn_routing_decisions_total",
    "Decisions of the router: the kind of transport taken (direct, smarthost), else its verdict",
    ("decision",),
)
SUPPRESSED = Counter("posthorn_suppressed_total", "Messages stopped by a suppression", ("reason",))
SUPPRESSIONS = Counter("posthorn_suppression_changes_total", "Suppressions added and removed", ("change", "reason"))
DNS_LOOKUPS = Counter("posthorn_dns_lookups_total", "MX lookups by result", ("result",))
HEALTH_EVENTS = Counter(
    "posthorn_health_events_total", "Events that health has read: counted, nothing, late", ("result",)
)
BREAKERS = Gauge(
    "posthorn_breakers",
    "Circuit breakers that are not closed, of whole transports and of transports towards one rollup",
    ("of", "state"),
)
BREAKER_TRANSITIONS = Counter(
    "posthorn_breaker_transitions_total", "Changes of circuit breakers by the state after them", ("of", "state")
)
REPUTATIONS = Gauge("posthorn_reputations", "Sending domains that are not good, by their reputation", ("state",))
REPUTATION_CHANGES = Counter(
    "posthorn_reputation_changes_total", "Changes of sending domains' reputations by the one after them", ("state",)
)
HOST_LOOKUPS = Counter(
    "posthorn_host_lookups_total", "The sender's DNS look-ups by type and by what there was", ("type", "result")
)
TLS_SESSIONS = Counter(
    "posthorn_tls_sessions_total",
    "SMTP sessions by the TLS policy they were held to and its result (RFC 8460 section 4.3)",
    ("policy", "result"),
)
STS_FETCHES = Counter("posthorn_mta_sts_fetches_total", "Fetched MTA-STS policies by result", ("result",))
DOMAINS_FAILING = Gauge("posthorn_domains_failing", "Verified domains whose DNS records are gone, still in their grace")
LEASES_RECOVERED = Counter("posthorn_leases_recovered_total", "Leases that ran out, by what was done", ("collection",))
WEBHOOK_ATTEMPTS = Counter("posthorn_webhook_attempts_total", "Webhook posts by outcome", ("outcome",))
WEBHOOK_SECONDS = Histogram("posthorn_webhook_seconds", "Time of one webhook post", (), buckets=STAGE_BUCKETS)
WEBHOOK_FIRST_POST = Histogram(
    "posthorn_webhook_first_post_seconds",
    "An event until the first post of its webhook begins; apart where its endpoint was left alone meanwhile (resting)",
    ("endpoint",), buckets=END_TO_END_BUCKETS,
)  # fmt: skip
WEBHOOK_ENDPOINTS = Gauge(
    "posthorn_webhook_endpoints", "Endpoints by what is known of them: well, failing, paused, disabled", ("state",)
)
WEBHOOK_PAUSES = Counter("posthorn_webhook_pauses_total", "Replies that asked for a pause of their endpoint", ())
WEBHOOK_DISABLED = Counter("posthorn_webhook_endpoints_disabled_total", "Endpoints disabled, by why", ("reason",))
ENTITY_AGE = Gauge("posthorn_entity_copy_age_seconds", "Since this service last heard of configuration", ())
LOOP_FAILURES = Counter("posthorn_loop_failures_total", "Turns of a background loop that failed", ("loop",))

MONGO_SECONDS = Histogram(
    "posthorn_mongo_command_seconds", "Time of a command at MongoDB, by the service that gave it",
    ("client", "command"), buckets=STAGE_BUCKETS,
)  # fmt: skip
MONGO_FAILED = Counter("posthorn_mongo_commands_failed_total", "Commands that failed", ("client", "command"))
MONGO_CONNECTIONS = Gauge(
    "posthorn_mongo_connections", "Connections to MongoDB that this process has: open, in_use", ("client", "state")
)
MONGO_POOL_FULL = Counter(
    "posthorn_mongo_checkouts_failed_total", "Waits for a connection of the pool that ended without one", ("client",)
)


@lru_cache(maxsize=4096)
def _child(metric: Any, *labels: tuple[str, str]) -> Any:
    """Remembered: the metric's own look-up takes a lock and several times as long."""
    return metric.labels(**dict(labels))


def count(counter: Counter, number: int = 1, **labels: str) -> None:
    _child(counter, *labels.items()).inc(number)


def observe(
    histogram: Histogram, seconds: float, traceparent: str | None = None, message_id: str | None = None, **labels: str
) -> None:
    """Observes with the trace id, and the message's where it is given, as the exemplar, where the message is traced."""
    child = _child(histogram, *labels.items()) if labels else histogram
    exemplar = exemplar_of(traceparent)
    if exemplar is not None and message_id:
        exemplar["message_id"] = message_id
    child.observe(max(0.0, seconds), exemplar=exemplar)
