"""Broadcast's transactional API: `POST /api/v1/transactionals.json` and what tells of it later."""
