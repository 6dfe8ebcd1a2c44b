"""Sending domains: what they are to publish in the DNS, what it shows, and their DKIM keys' life."""
