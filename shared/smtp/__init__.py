"""Doors that speak SMTP (RFC 5321): what every one of them needs, strict about where lines and messages end.

`listener` takes connections, `wire` is one of them, `dialogue` takes turns on it; what a door offers, and what it does
with a message, is its service's.
"""
