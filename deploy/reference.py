"""`python -m deploy.reference`: writes docs/settings.md and docs/metrics.md from the code that declares them, and what
the Helm chart has of it."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from deploy.helm import chart
from services.roles import SERVICES
from shared.settings import SharedSettings
from shared.telemetry import metrics

DOCS = Path(__file__).resolve().parent.parent / "docs"
BOUNDS = ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"), (Lt, "lt", "<"))
NOTE = "Made by `python -m deploy.reference`; a test fails where it is stale.\n"


def render_settings() -> str:
    """Every setting with its variable, type, default and meaning: those that all share, then each service's own."""
    parts = [
        "# Settings\n",
        f"Read from the environment when a process starts. {NOTE}",
        "## Every service\n",
        _settings_table(SharedSettings.model_fields),
    ]
    for name in SERVICES:
        if find_spec(f"services.{name}.settings") is None:
            continue
        fields = import_module(f"services.{name}.settings").Settings.model_fields
        own = {key: field for key, field in fields.items() if key not in SharedSettings.model_fields}
        if own:
            parts += [f"## {name}\n", _settings_table(own)]
    return "\n".join(parts)


def render_metrics() -> str:
    """Every metric with its type, labels and meaning, in the order of their declaration."""
    rows = []
    for metric in _declared_metrics():
        (described,) = metric.describe()
        name = f"{described.name}_total" if described.type == "counter" else described.name
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        buckets = ""
        if isinstance(metric, Histogram):
            buckets = " · buckets " + ", ".join(f"{bound:g}" for bound in metric._kwargs["buckets"])
        rows.append((f"`{name}`", described.type, labels, described.documentation + buckets))
    return "\n".join(
        ["# Metrics\n", f"At `/metrics` of every process. {NOTE}", _table(("name", "type", "labels", "meaning"), rows)]
    )


def _declared_metrics() -> Iterator[MetricWrapperBase]:
    return (value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase))


def _settings_table(fields: dict[str, FieldInfo]) -> str:
    rows = [
        (f"`POSTHORN_{name.upper()}`", _type(field), _default(field), field.description or "")
        for name, field in fields.items()
    ]
    return _table(("variable", "type", "default", "meaning"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _type(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(limit, name):g}"
        for limit in field.metadata
        for kind, name, sign in BOUNDS
        if isinstance(limit, kind)
    ]
    return ", ".join([_name(field.annotation), *bounds])


def _name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_name(each) for each in arguments if each is not type(None))
    if origin is not None:
        named = ", ".join(_name(each) for each in arguments if each is not Ellipsis)
        return f"{origin.__name__} of {named}"
    if annotation is SecretStr:
        return "secret"
    return str(getattr(annotation, "__name__", annotation))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None:
        return "none"
    return f"`{default}`" if str(default) else "empty"


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    (DOCS / "settings.md").write_text(render_settings())
    (DOCS / "metrics.md").write_text(render_metrics())
    chart.write()


if __name__ == "__main__":
    main()
