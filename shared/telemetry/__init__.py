"""Traces, metrics and logs; every metric is declared once, in `metrics.py`."""
