"""The dashboards are what their code makes, ask for what there is, and are made as dashboards should be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.grafana.render import FOLDER, render_dashboards
from tests.style.promql import declared, faults

RENDERED = render_dashboards()
DASHBOARDS: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in RENDERED.items()}
VARIABLES = ["datasource", "namespace", "job", "console_url"]


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARDS[name]["panels"] if panel["type"] != "row"]


def test_dashboards_are_fresh() -> None:
    kept = {file.name: file.read_text() for file in FOLDER.glob("*.json")}
    assert kept == RENDERED, "deploy/grafana/dashboards is stale: python -m deploy.reference"
    assert len(kept) >= 8


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_query_names_what_there_is(name: str) -> None:
    known = declared()
    for panel in panels(name):
        for target in panel["targets"]:
            assert not list(faults(target["expr"], known)), (panel["title"], target["expr"])


def test_what_is_not_there_is_found() -> None:
    known = declared()
    assert list(faults("rate(posthorn_nothing_total[5m])", known)) == ["posthorn_nothing_total"]
    assert list(faults('posthorn_breakers{off="x"}', known)) == ["posthorn_breakers{off}"]
    assert list(faults("sum by (why) (posthorn_breakers)", known)) == ["by (why)"]
    assert list(faults("1 + 1", known)) == ["no metric"]
    assert not list(faults('sum by (le) (rate(posthorn_batch_seconds_bucket{consumer="a", job="b"}[5m]))', known))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_dashboards_can_be_provisioned_anywhere(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert dashboard["uid"] == f"posthorn-{name.removesuffix('.json')}"
    assert dashboard["schemaVersion"] >= 39
    assert dashboard["editable"] is False
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == VARIABLES
    assert [link["type"] for link in dashboard["links"]] == ["dashboards", "link"]
    assert dashboard["panels"][0]["type"] == "row"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in panels(name):
        about = (name, panel["title"])
        assert panel["title"], about
        assert panel["description"], about
        assert panel["fieldConfig"]["defaults"]["unit"], about
        assert panel["datasource"]["uid"] == "${datasource}", about
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}", about
            assert 'job=~"$job", namespace=~"$namespace"' in target["expr"], about
            if "rate(" in target["expr"] and "[30d]" not in target["expr"]:
                assert "[$__rate_interval]" in target["expr"], about


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_stand_beside_each_other(name: str) -> None:
    places = [panel["gridPos"] for panel in DASHBOARDS[name]["panels"]]
    cells = {
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    }
    assert len(cells) == sum(at["w"] * at["h"] for at in places)
    assert max(at["x"] + at["w"] for at in places) == 24


def test_latencies_show_exemplars() -> None:
    shown = [t for name in DASHBOARDS for panel in panels(name) for t in panel["targets"] if t["exemplar"]]
    assert any("posthorn_end_to_end_seconds" in target["expr"] for target in shown)
    assert any("posthorn_http_request_seconds" in target["expr"] for target in shown)
    assert all("histogram_quantile" in target["expr"] for target in shown)
