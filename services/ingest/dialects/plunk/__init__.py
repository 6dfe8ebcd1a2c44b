"""Plunk's transactional API: `POST /v1/send`."""
