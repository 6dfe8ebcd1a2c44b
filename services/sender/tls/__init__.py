"""What TLS a conversation must have: MTA-STS (RFC 8461), DANE (RFC 7672) and our own setting, and how that went."""
