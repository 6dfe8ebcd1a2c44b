"""Workspaces, who may act for them and how much: keys, SMTP credentials, senders, domains, limits, audit."""
