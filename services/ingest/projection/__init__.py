"""The read model: what became of messages, folded from their events."""
