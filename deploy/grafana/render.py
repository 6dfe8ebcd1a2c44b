"""The dashboards as the JSON files that Grafana loads."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import ingest, kafka, mongo, overview, router, runtime, sender, suppression, webhooks

FOLDER = Path(__file__).resolve().parent / "dashboards"
MODULES = (overview, ingest, router, suppression, sender, webhooks, kafka, mongo, runtime)


def render_dashboards() -> dict[str, str]:
    """The text of each file by its name: classic JSON, which Grafana 11 and newer load as it is."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    made = [module.dashboard() for module in MODULES]
    return {f"{(each.uid or '').removeprefix('posthorn-')}.json": f"{encoder.encode(each)}\n" for each in made}


def write_dashboards() -> None:
    FOLDER.mkdir(exist_ok=True)
    rendered = render_dashboards()
    for stale in {file.name for file in FOLDER.glob("*.json")} - set(rendered):
        (FOLDER / stale).unlink()
    for name, text in rendered.items():
        (FOLDER / name).write_text(text)
