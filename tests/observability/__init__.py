"""A real Prometheus beside a running stack, and the alerts under promtool."""
