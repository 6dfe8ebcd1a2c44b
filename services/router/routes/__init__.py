"""Rule sets: what they say, how a message is matched to a rule, and the order of the transports that it then has."""
