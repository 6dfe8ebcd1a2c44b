"""The alerts, as code: `python -m deploy.reference` writes them to `rules.yaml`."""
