"""webhooks: tells customers' endpoints what happened, signed, until they have heard it."""
