"""The dashboards, as code: `python -m deploy.reference` writes them to `dashboards/`."""
