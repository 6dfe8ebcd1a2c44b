"""`python -m deploy.reference`: writes what is made from the code: docs/settings.md, metrics.md, access.md, contracts/,
the dashboards and alerts of deploy/, and what the Helm chart has of all that.

It refuses to write contracts that break those that stand there; `--retired Message.1` lets an old version go.
"""

from __future__ import annotations

import sys
import types
from argparse import ArgumentParser
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

from deploy.contracts.writing import BreakingChangeError, write_contracts
from deploy.grafana.render import write_dashboards
from deploy.helm import chart
from deploy.prometheus.cases import render_cases
from deploy.prometheus.render import RULES, render_rules
from services.access.reference import render_access
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
        f"Read from the environment, or the files of `POSTHORN_SECRETS_DIR`, when a process starts. {NOTE}",
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
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--retired", action="append", default=[], metavar="RECORD.VERSION")
    asked = parser.parse_args()
    DOCS.mkdir(exist_ok=True)
    (DOCS / "settings.md").write_text(render_settings())
    (DOCS / "metrics.md").write_text(render_metrics())
    (DOCS / "access.md").write_text(render_access(NOTE))
    write_dashboards()
    RULES.write_text(render_rules())
    for name, text in render_cases().items():
        RULES.with_name(name).write_text(text)
    chart.write()
    try:
        write_contracts(retired=asked.retired)
    except BreakingChangeError as error:
        sys.exit(f"docs/contracts is left as it was:\n{error}")


if __name__ == "__main__":
    main()
