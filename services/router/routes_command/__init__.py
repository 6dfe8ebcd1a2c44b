"""The `posthorn routes` command, which works through the API: transports and rules as a reviewed file, and replays."""
