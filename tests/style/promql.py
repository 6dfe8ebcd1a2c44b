"""The metrics and labels that a PromQL expression names, and those that Posthorn's processes have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prometheus_client import REGISTRY

from shared.telemetry import metrics  # noqa: F401  declares them

TARGET_LABELS = frozenset({"job", "namespace", "instance"})
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",), "unknown": ("",)}
METRIC = re.compile(r"\b(posthorn_\w+|namespace:\w+:\w+|process_\w+|python_\w+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
KEPT = re.compile(r"\bby \(([^)]*)\)")


def declared() -> dict[str, frozenset[str]]:
    """The labels of every series that a process shows."""
    found: dict[str, frozenset[str]] = {"up": frozenset()}
    for collector in list(REGISTRY._collector_to_names):
        labels = frozenset(getattr(collector, "_labelnames", ()))
        described = collector.describe() if hasattr(collector, "describe") else []
        for metric in list(described) or list(collector.collect()):
            own = labels | {label for sample in metric.samples for label in sample.labels}
            for suffix in SUFFIXES.get(metric.type, ("",)):
                found[metric.name + suffix] = own | ({"le"} if suffix == "_bucket" else set())
    return found


def faults(expr: str, known: dict[str, frozenset[str]]) -> Iterator[str]:
    """What the expression names and nobody has."""
    labels: set[str] = set(TARGET_LABELS)
    bare = KEPT.sub("", re.sub(r'"[^"]*"', '""', expr))
    named = METRIC.findall(bare)
    if not named:
        yield "no metric"
    for metric, matchers in named:
        if metric not in known:
            yield metric
            continue
        labels |= known[metric]
        for label in MATCHER.findall(matchers):
            if label not in known[metric] | TARGET_LABELS:
                yield f"{metric}{{{label}}}"
    for kept in KEPT.findall(expr):
        for label in filter(None, map(str.strip, kept.split(","))):
            if label not in labels:
                yield f"by ({label})"
