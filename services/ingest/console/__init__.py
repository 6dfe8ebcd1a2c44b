"""Ingest's pages of the console: the sign-in, messages, and what a workspace is set up of."""
