"""Cases for `promtool test rules`: for each alert what sets it off, and what just does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from deploy.prometheus.alerts import ALERTS, DAY
from deploy.prometheus.burning import ALERT_NAMES
from deploy.prometheus.expressions import joined, matching
from deploy.prometheus.objectives import OBJECTIVES, Objective
from deploy.prometheus.render import HEAD, RULES

ALIVE = {'posthorn_loop_failures_total{loop="a"}': "0+0x9000"}
FIRING = 'count by (alertname, window, namespace) (ALERTS{alertstate="firing"})'
HOUR, DAYS_3 = 60, 3 * 24 * 60
BURNING, STEP = 2 * DAYS_3, 2
PER_MINUTE = 1000


@dataclass(frozen=True)
class Case:
    """After so many `minutes` of these series exactly those alerts fire: each a name, or a name with its window and
    namespace. The series have a value every `step` minutes."""

    name: str
    series: Mapping[str, str]
    minutes: int
    firing: tuple[tuple[str, ...], ...] = ()
    step: int = 1


def _steady(value: float, minutes: int = 2 * HOUR) -> str:
    return f"{value:g}+0x{minutes}"


def _rise(by: float, after: int = 30, minutes: int = 2 * HOUR) -> str:
    """A counter that stands for so many minutes, and then goes up once."""
    return f"0+0x{after - 1} {by:g}+0x{minutes}"


def _ambiguous(attempts: float, lost: float) -> dict[str, str]:
    return {
        'posthorn_outcomes_total{outcome="delivered",class="none",rollup="other"}': f"0+{attempts:g}x240",
        'posthorn_ambiguous_total{rollup="other"}': f"0+{lost:g}x240",
    }


def _outcomes(class_: str, by: float) -> dict[str, str]:
    return {f'posthorn_outcomes_total{{outcome="deferred",class="{class_}",rollup="other"}}': _rise(by)}


def _gauge(series: str, fires: float, near: float) -> tuple[dict[str, str], dict[str, str], int]:
    return {series: _steady(fires)}, {series: _steady(near)}, HOUR


def _counter(series: str, fires: float, near: float) -> tuple[dict[str, str], dict[str, str], int]:
    return {series: _rise(fires)}, {series: _rise(near)}, 40


def _ends(days: float) -> dict[str, str]:
    """A certificate that ends so many days after the beginning of the series, which is that of the epoch."""
    return {'posthorn_certificate_end_timestamp_seconds{door="submission"}': _steady(days * DAY)}


OLDEST = "posthorn_oldest_age_seconds"
PAIRS: dict[str, tuple[dict[str, str], dict[str, str], int]] = {
    "PosthornConsumerPaused": _gauge('posthorn_consumer_paused{consumer="router.route.critical"}', 1, 0),
    "PosthornOutboxStuck": _gauge(OLDEST + '{stage="outbox",lane="standard"}', 61, 60),
    "PosthornUnpublished": _gauge('posthorn_unpublished{collection="tracked_hits"}', 1, 0),
    "PosthornCriticalWaits": _gauge(OLDEST + '{stage="sender",lane="critical"}', 61, 60),
    "PosthornStandardWaits": _gauge(OLDEST + '{stage="sender",lane="standard"}', 901, 900),
    "PosthornWebhooksWait": _gauge(OLDEST + '{stage="webhooks",lane="all"}', 901, 900),
    "PosthornLagGrowing": (
        {'posthorn_consumer_lag_records{group="g",topic="t"}': "0+100x240"},
        {'posthorn_consumer_lag_records{group="g",topic="t"}': "20000-10x240"},
        2 * HOUR,
    ),
    "PosthornDeadLetters": _counter('posthorn_dead_letters_total{topic="t",reason="handler"}', 1, 0),
    "PosthornDeadLettersStand": _gauge('posthorn_dead_letter_records{topic="t"}', 1, 0),
    "PosthornLoopFails": _counter('posthorn_loop_failures_total{loop="b"}', 1, 0),
    "PosthornConfigurationOld": _gauge('posthorn_entity_copy_age_seconds{job="router"}', 93_601, 93_600),
    "PosthornBlocked": (_outcomes("block_reputation", 22), _outcomes("block_reputation", 18), 75),
    "PosthornAmbiguous": (_ambiguous(1000, 2), _ambiguous(1000, 0.9), 2 * HOUR),
    "PosthornTransportDown": _gauge('posthorn_breakers{of="transport",state="open"}', 1, 0),
    "PosthornRouteDown": (_outcomes("route_down", 3), _outcomes("greylisted", 3), 40),
    "PosthornReputationPoor": _gauge('posthorn_reputations{state="poor"}', 1, 0),
    "PosthornProtocolErrors": (_outcomes("protocol", 7), _outcomes("protocol", 4), 75),
    "PosthornAuthenticationRefused": (_outcomes("policy_auth", 22), _outcomes("policy_auth", 18), 75),
    "PosthornDestinationCools": (
        {'posthorn_destinations_cooling{provider="google"}': _steady(1)},
        {'posthorn_destinations_cooling{provider="google"}': "1+0x50 0+0x9 1+0x200"},
        100,
    ),
    "PosthornEndpointDisabled": _counter('posthorn_webhook_endpoints_disabled_total{reason="gone"}', 1, 0),
    "PosthornCertificateEnds": (_ends(14), _ends(15), HOUR),
    "PosthornCertificateEndsSoon": (_ends(2), _ends(3), HOUR),
    "PosthornDomainsFailing": _gauge("posthorn_domains_failing", 1, 0),
    "PosthornGreetingNames": _gauge("posthorn_greeting_names_wrong", 1, 0),
    "PosthornBounceRulesRefused": _gauge("posthorn_bounce_rules_refused", 1, 0),
}
BESIDE = {"PosthornCertificateEndsSoon": ("PosthornCertificateEnds",)}
"""Alerts that come with another one, and stay in its near case."""


def _pairs() -> list[Case]:
    made = []
    for name, (fires, near, minutes) in PAIRS.items():
        beside = tuple((other,) for other in BESIDE.get(name, ()))
        made.append(Case(f"{name} fires", ALIVE | fires, minutes, (*beside, (name,))))
        made.append(Case(f"{name} nearly", ALIVE | near, minutes, beside))
    return made


def _burning(
    objective: Objective, burn: float, minutes: int, every: float = PER_MINUTE, namespace: str = ""
) -> dict[str, str]:
    """Good days, and at the end so many minutes in which the budget goes at `burn` times its pace."""
    bad = burn * objective.budget * every
    where = joined(objective.where, matching(namespace=namespace) if namespace else "").replace(" ", "")
    if objective.seconds is None:
        good, failed = joined(where, 'result="ok"'), joined(where, objective.bad)
        return {
            f"{objective.metric}{{{good}}}": _bent(every, every - bad, minutes),
            f"{objective.metric}{{{failed}}}": _bent(0, bad, minutes),
        }
    within = joined(where, f'le="{objective.seconds:.1f}"')
    return {
        f"{objective.metric}_count{{{where}}}": _bent(every, every, minutes),
        f"{objective.metric}_bucket{{{within}}}": _bent(every, every - bad, minutes),
    }


def _bent(before: float, after: float, minutes: int) -> str:
    """A counter that goes up by `before` every minute until the last so many, and by `after` from then on."""
    good, bad = (BURNING - minutes) // STEP, minutes // STEP
    before, after = before * STEP, after * STEP
    return f"0+{before:.10g}x{good} {before * good + after:.10g}+{after:.10g}x{bad - 1}"


BURNS: tuple[tuple[float, int, tuple[str, ...]], ...] = (
    (20, HOUR, ("1h",)),
    (10, HOUR, ()),
    (8, 6 * HOUR, ("6h",)),
    (5, 6 * HOUR, ()),
    (3.4, 24 * HOUR, ("1d", "3d")),
    (2.7, 24 * HOUR, ()),
    (1.5, DAYS_3, ("3d",)),
    (0.9, DAYS_3, ()),
)
"""How fast the budget goes, for how many minutes, and the windows whose alerts fire then."""


def _burns() -> list[Case]:
    """One case, in which every way to burn is a namespace of its own."""
    series, firing = dict(ALIVE), []
    for objective in OBJECTIVES:
        for number, (burn, minutes, windows) in enumerate(BURNS):
            namespace = f"{objective.name}-{number}"
            series |= _burning(objective, burn, minutes, namespace=namespace)
            firing += [(ALERT_NAMES[objective], window, namespace) for window in windows]
        # four bad ones of six within the hour
        series |= _burning(objective, 4 / 6 / objective.budget, HOUR, 6 / HOUR, f"{objective.name}-few")
    return [Case("burns", series, BURNING, tuple(firing), STEP)]


def _quiet() -> list[Case]:
    series = {key: "0+0x240" for fires, _, _ in PAIRS.values() for key in fires if "certificate" not in key}
    for objective in OBJECTIVES:
        series |= dict.fromkeys(_burning(objective, 1, 1), "0+0x240")
    return [
        Case("no traffic", ALIVE | series, 2 * HOUR),
        Case("nothing but processes", ALIVE, 2 * HOUR),
        Case("nothing at all", {}, 10, (("PosthornAbsent",),)),
    ]


FILES = {"rules_test.yaml": (_pairs, _quiet), "burn_test.yaml": (_burns,)}
EVERY = {"rules_test.yaml": "5m", "burn_test.yaml": "6h"}
"""How often the rules are evaluated: every minute of them all would take minutes. Cases end at such a moment."""


def untested() -> set[str]:
    """Alerts that no case sets off."""
    every = {alert.name for alert in ALERTS} | set(ALERT_NAMES.values())
    cases = [case for makers in FILES.values() for make in makers for case in make()]
    return every - {firing[0] for case in cases for firing in case.firing}


def render_cases() -> dict[str, str]:
    """The text of each file for `promtool test rules`, by its name."""
    return {name: _render(name, [case for make in makers for case in make()]) for name, makers in FILES.items()}


def _render(name: str, cases: Sequence[Case]) -> str:
    tests = {"rule_files": [RULES.name], "evaluation_interval": EVERY[name], "tests": [*map(_test, cases)]}
    return HEAD + str(yaml.safe_dump(tests, sort_keys=False, width=110))


def _test(case: Case) -> dict[str, Any]:
    expected = [{"labels": _labels(*firing), "value": 1} for firing in case.firing]
    return {
        "name": case.name,
        "interval": f"{case.step}m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "promql_expr_test": [{"expr": FIRING, "eval_time": f"{case.minutes}m", "exp_samples": expected}],
    }


def _labels(*values: str) -> str:
    return "{" + matching(**dict(zip(("alertname", "window", "namespace"), values, strict=False))) + "}"
