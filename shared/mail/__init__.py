"""Messages as bytes (RFC 5322, RFC 2045): what the sender sends, and what ingest measures before it does."""
