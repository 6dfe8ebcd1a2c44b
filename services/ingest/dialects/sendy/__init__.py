"""Sendy's e-mail API: `/api/v1/emails` with its batch, its multipart form and its list, and `/api/v1/tracking`."""
