"""What all dashboards share: their filters, the links between them, and how rows are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
    TextBoxVariable,
)
from grafana_foundation_sdk.models import dashboard as models

from deploy.grafana.panels import PROMETHEUS, AnyPanel

TAG = "posthorn"
SCHEMA_VERSION = 39
ANCHOR = "posthorn_loop_failures_total"  # every process of Posthorn has it from its start


@dataclass(frozen=True)
class Section:
    """A named row and its panels, from left to right."""

    title: str
    panels: Sequence[AnyPanel]


def framed(name: str, title: str, description: str, *sections: Section, since: str = "now-3h") -> models.Dashboard:
    """A dashboard with the uid `posthorn-<name>`."""
    frame = (
        Dashboard(f"Posthorn / {title}")
        .uid(f"posthorn-{name}")
        .description(description)
        .tags([TAG])
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh("30s")
        .timezone("browser")
        .link(_dashboards())
        .link(_console())
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_choice("namespace", "Namespace", f"label_values({ANCHOR}, namespace)").all_value(".*"))
        .with_variable(_choice("job", "Job", f'label_values({ANCHOR}{{namespace=~"$namespace"}}, job)'))
        .with_variable(TextBoxVariable("console_url").label("Console").default_value("http://localhost:8080/console"))
    )
    for section in sections:
        frame = frame.with_row(Row(section.title))
        for panel in section.panels:
            frame = frame.with_panel(panel)
    made = frame.build()
    made.schema_version = SCHEMA_VERSION
    for number, placed in enumerate(made.panels or [], 1):
        placed.id_val = number
    return made


def _choice(name: str, label: str, query: str) -> QueryVariable:
    every = models.VariableOption(selected=True, text="All", value="$__all")
    return (
        QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(every)
    )


def _dashboards() -> DashboardLink:
    link = DashboardLink("Posthorn").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.as_dropdown(True).include_vars(True).keep_time(True)


def _console() -> DashboardLink:
    link = DashboardLink("Console").type(models.DashboardLinkType.LINK).icon("external link")
    return link.url("${console_url}").target_blank(True).tooltip("Messages, queue and routing, by id")
