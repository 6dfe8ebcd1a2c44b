"""The alerts that are no objectives: what is stuck, broken or about to expire. Each has a runbook in
docs/operations.md, under its name."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.prometheus.expressions import increase, matching, rate, selector, total

PAGE, TICKET = "page", "ticket"
DAY = 86_400


@dataclass(frozen=True)
class Alert:
    """`severity` says whether somebody is woken; the texts are Prometheus templates. It fires once `expr` has found
    something for as long as `lasting`. Several of one name look at `window`s of different length."""

    name: str
    severity: str
    expr: str
    summary: str
    description: str
    lasting: str = "0m"
    window: str = ""


def _most(metric: str, by: str = "namespace", where: str = "") -> str:
    """A gauge that processes show alike."""
    return total(selector(metric, where), by, "max")


def _oldest(lane: str, stage: str) -> str:
    return _most("posthorn_oldest_age_seconds", "namespace, lane", matching(stage=stage, lane=lane))


LAG = "posthorn_consumer_lag_records"
OUTCOMES = "posthorn_outcomes_total"
CERTIFICATE = f"{total('posthorn_certificate_end_timestamp_seconds', 'namespace, door', 'min')} - time()"
AMBIGUOUS = rate("posthorn_ambiguous_total", "1h", "namespace")

STUCK = (
    Alert("PosthornAbsent", PAGE, "absent(posthorn_loop_failures_total)",
          "No process of Posthorn is scraped",
          "Prometheus has heard of no process of Posthorn for five minutes.", "5m"),
    Alert("PosthornConsumerPaused", PAGE,
          f"{_most('posthorn_consumer_paused', 'namespace, consumer')} > 0",
          "{{ $labels.consumer }} waits for Kafka or MongoDB",
          "The consumer {{ $labels.consumer }} has waited for five minutes for infrastructure that is away.", "5m"),
    Alert("PosthornOutboxStuck", PAGE,
          f"{_most('posthorn_oldest_age_seconds', 'namespace, lane', matching(stage='outbox'))} > 60",
          "Accepted {{ $labels.lane }} mail is not published",
          "The oldest accepted mail of the lane {{ $labels.lane }} is not on Kafka after"
          " {{ $value | humanizeDuration }}.", "2m"),
    Alert("PosthornUnpublished", TICKET, f"{_most('posthorn_unpublished', 'namespace, collection')} > 0",
          "{{ $labels.collection }} has documents that are not published",
          "{{ $value }} documents of {{ $labels.collection }} are not on Kafka after a quarter of an hour.", "15m"),
    Alert("PosthornCriticalWaits", PAGE, f"{_oldest('critical', 'sender')} > 60",
          "Critical mail waits",
          "The oldest critical delivery that is due has waited for {{ $value | humanizeDuration }}.", "1m"),
    Alert("PosthornStandardWaits", TICKET, f"{_oldest('standard', 'sender')} > 900",
          "Standard mail waits",
          "The oldest standard delivery that is due has waited for {{ $value | humanizeDuration }}.", "5m"),
    Alert("PosthornWebhooksWait", TICKET, f"{_oldest('all', 'webhooks')} > 900",
          "Webhooks wait",
          "The oldest webhook that is due has waited for {{ $value | humanizeDuration }}.", "5m"),
    Alert("PosthornLagGrowing", TICKET,
          f"{total(f'deriv({LAG}[15m])', 'namespace, group, topic', 'max')} > 0 and"
          f" {_most(LAG, 'namespace, group, topic')} > 1000",
          "{{ $labels.group }} falls behind on {{ $labels.topic }}",
          "{{ $labels.group }} has more than 1000 unread records of {{ $labels.topic }}, and for a quarter of an hour"
          " {{ $value | humanize }} more every second.", "15m"),
    Alert("PosthornDeadLetters", TICKET,
          f"{increase('posthorn_dead_letters_total', '15m', 'namespace, topic, reason')} > 0",
          "Dead letters from {{ $labels.topic }}",
          "{{ $value | humanize }} records of {{ $labels.topic }} became dead letters ({{ $labels.reason }}) within a"
          " quarter of an hour."),
    Alert("PosthornDeadLettersStand", TICKET,
          f"{_most('posthorn_dead_letter_records', 'namespace, topic')} > 0",
          "{{ $labels.topic }} has dead letters",
          "{{ $value }} records stand on {{ $labels.topic }}.dlq, replayed or not.", "10m"),
    Alert("PosthornLoopFails", TICKET, f"{increase('posthorn_loop_failures_total', '15m', 'namespace, loop')} > 0",
          "The loop {{ $labels.loop }} fails",
          "{{ $value | humanize }} turns of the loop {{ $labels.loop }} failed within a quarter of an hour."),
    Alert("PosthornConfigurationOld", TICKET, f"{_most('posthorn_entity_copy_age_seconds', 'namespace, job')} > 93600",
          "A service has heard of no configuration for long",
          "A process of {{ $labels.job }} last heard of configuration {{ $value | humanizeDuration }} ago; all of it is"
          " published daily."),
)  # fmt: skip

DELIVERY = (
    Alert("PosthornBlocked", TICKET,
          f"{increase(OUTCOMES, '1h', 'namespace, rollup', matching(class_='block_reputation'))} > 20",
          "{{ $labels.rollup }} blocks us",
          "{{ $labels.rollup }} refused {{ $value | humanize }} attempts within an hour for our address or name."),
    Alert("PosthornAmbiguous", TICKET,
          f"{AMBIGUOUS} / ({rate(OUTCOMES, '1h', 'namespace')} > 0) > 0.001 and"
          f" {increase('posthorn_ambiguous_total', '1h', 'namespace')} > 2",
          "Deliveries end ambiguous",
          "{{ $value | humanizePercentage }} of the attempts within an hour lost the reply after the final dot; each"
          " may become a second copy."),
    Alert("PosthornTransportDown", PAGE,
          f"{_most('posthorn_breakers', where=matching(of='transport', state='open'))} > 0",
          "Transports do not work",
          "{{ $value }} transports have failed so often that mail is kept away from them.", "5m"),
    Alert("PosthornRouteDown", TICKET,
          f"{increase(OUTCOMES, '15m', 'namespace', matching(class_='route_down'))} > 0",
          "A smart host is away or refuses our login",
          "{{ $value | humanize }} attempts within a quarter of an hour found no smart host that takes them.", "5m"),
    Alert("PosthornReputationPoor", TICKET,
          f"{_most('posthorn_reputations', where=matching(state='poor'))} > 0",
          "Recipients complain of sending domains",
          "{{ $value }} sending domains have a poor reputation.", "5m"),
    Alert("PosthornProtocolErrors", TICKET,
          f"{increase(OUTCOMES, '1h', 'namespace, rollup', matching(class_='protocol'))} > 5",
          "{{ $labels.rollup }} and we do not understand each other",
          "{{ $value | humanize }} attempts within an hour ended by a protocol error at {{ $labels.rollup }}."),
    Alert("PosthornAuthenticationRefused", TICKET,
          f"{increase(OUTCOMES, '1h', 'namespace', matching(class_='policy_auth'))} > 20",
          "SPF, DKIM or DMARC do not pass",
          "{{ $value | humanize }} attempts within an hour were refused for SPF, DKIM or DMARC."),
    Alert("PosthornDestinationCools", TICKET,
          f"{total('posthorn_destinations_cooling', 'namespace, provider')} > 0",
          "{{ $labels.provider }} takes nothing",
          "{{ $value }} destinations of {{ $labels.provider }} have been left alone for an hour.", "1h"),
    Alert("PosthornEndpointDisabled", TICKET,
          f"{increase('posthorn_webhook_endpoints_disabled_total', '1h', 'namespace, reason')} > 0",
          "Webhook endpoints were disabled",
          "{{ $value | humanize }} endpoints were disabled within an hour ({{ $labels.reason }})."),
)  # fmt: skip

IDENTITY = (
    Alert("PosthornCertificateEnds", TICKET, f"{CERTIFICATE} < {14 * DAY}",
          "The certificate of the door {{ $labels.door }} expires",
          "The certificate that the door {{ $labels.door }} shows expires in {{ $value | humanizeDuration }}.", "10m"),
    Alert("PosthornCertificateEndsSoon", PAGE, f"{CERTIFICATE} < {2 * DAY}",
          "The certificate of the door {{ $labels.door }} expires within two days",
          "The certificate that the door {{ $labels.door }} shows expires in {{ $value | humanizeDuration }}.", "10m"),
    Alert("PosthornDomainsFailing", TICKET, f"{_most('posthorn_domains_failing')} > 0",
          "Sending domains have lost their records",
          "{{ $value }} verified domains do not show their DKIM key or their proof of ownership, and will be suspended"
          " when their grace ends.", "15m"),
    Alert("PosthornGreetingNames", TICKET, f"{_most('posthorn_greeting_names_wrong')} > 0",
          "Names in EHLO are not those of our addresses",
          "{{ $value }} names in EHLO do not lead to our addresses and back.", "15m"),
    Alert("PosthornBounceRulesRefused", TICKET, f"{_most('posthorn_bounce_rules_refused')} > 0",
          "The file of bounce rules is broken",
          "The operator's file of bounce rules is refused, and older rules are in force.", "5m"),
)  # fmt: skip

ALERTS = (*STUCK, *DELIVERY, *IDENTITY)
