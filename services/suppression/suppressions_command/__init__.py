"""The `posthorn suppressions` command, which works through the API."""
