"""The `posthorn webhooks` command, which works through the API."""
