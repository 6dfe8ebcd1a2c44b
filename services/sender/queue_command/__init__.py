"""The `posthorn queue` command, which works through the API."""
