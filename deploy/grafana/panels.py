"""Our panels: lines over time, and single numbers, over Prometheus queries that share the dashboards' filters."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor, Panel, ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from deploy.prometheus import expressions
from deploy.prometheus.expressions import joined, selector, total

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")
FILTER = 'job=~"$job", namespace=~"$namespace"'
PER = "$__rate_interval"
GREEN, YELLOW, RED = "green", "yellow", "red"
SECONDS, SHARE, NUMBER, BYTES = "s", "percentunit", "short", "bytes"
A_SECOND = "cps"
HEIGHT, NUMBER_HEIGHT = 8, 5


@dataclass(frozen=True)
class Query:
    """An expression, the legend of its series, and whether its exemplars are shown."""

    expr: str
    legend: str = ""
    exemplar: bool = False


def by_second(metric: str, by: str = "", where: str = "", legend: str | None = None) -> Query:
    """The rate of a counter; by default its labels are the legend."""
    expr = expressions.rate(metric, PER, by, joined(FILTER, where))
    return Query(expr, _labels(by) if legend is None else legend)


def quantile(share: float, histogram: str, by: str = "", where: str = "", *, exemplar: bool = True) -> Query:
    """A quantile of a histogram, with its exemplars."""
    expr = expressions.quantile(share, histogram, PER, by, joined(FILTER, where))
    return Query(expr, f"p{share * 100:g} {_labels(by)}".strip(), exemplar)


def gauge(metric: str, by: str = "", where: str = "", *, how: str = "sum", legend: str | None = None) -> Query:
    """A gauge over processes: their sum, or the greatest where each shows the same thing."""
    expr = total(selector(metric, joined(FILTER, where)), by, how)
    return Query(expr, _labels(by) if legend is None else legend)


@dataclass(frozen=True)
class Levels:
    """Where a value becomes worth a look, and where it is bad; falling where less is worse."""

    warning: float
    bad: float
    falling: bool = False

    def build(self) -> ThresholdsConfig:
        colors = (RED, YELLOW, GREEN) if self.falling else (GREEN, YELLOW, RED)
        edges = (None, self.bad, self.warning) if self.falling else (None, self.warning, self.bad)
        steps = [Threshold(edge, color) for edge, color in zip(edges, colors, strict=True)]
        return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = A_SECOND,
    width: int = 12,
    levels: Levels | None = None,
    stacked: bool = False,
    most: float | None = None,
) -> timeseries.Panel:
    """Lines over time; with `levels` they are drawn behind them."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit(unit)
        .min(0)
        .span(width)
        .height(HEIGHT)
        .fill_opacity(25 if stacked else 8)
        .line_width(1)
        .show_points(VisibilityMode.NEVER)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if most is not None:
        panel = panel.max(most)
    if levels is not None:
        style = common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED)
        panel = panel.thresholds(levels.build()).thresholds_style(style)
    for place, query in enumerate(queries):
        panel = panel.with_target(_target(query, place))
    return panel


def number(
    title: str, description: str, query: Query, *, unit: str = NUMBER, levels: Levels | None = None, width: int = 4,
    decimals: int | None = None,
) -> stat.Panel:  # fmt: skip
    """One number as it is now, coloured by its levels, with its course behind it."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit(unit)
        .span(width)
        .height(NUMBER_HEIGHT)
        .graph_mode(BigValueGraphMode.AREA)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(levels.build() if levels else _plain())
        .with_target(_target(query, 0))
    )
    return panel.decimals(decimals) if decimals is not None else panel


AnyPanel = timeseries.Panel | stat.Panel | Panel


def _legend() -> common.VizLegendOptions:
    shown = common.VizLegendOptions().show_legend(True)
    return shown.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)


def _plain() -> ThresholdsConfig:
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(None, "text")])


def _target(query: Query, place: int) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + place)).range().exemplar(query.exemplar)
    return target.datasource(PROMETHEUS).legend_format(query.legend or "__auto")


def _labels(by: str) -> str:
    return " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if label)
