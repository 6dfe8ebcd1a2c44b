"""Workspaces and who may act for them: API keys, sender addresses, domains."""
