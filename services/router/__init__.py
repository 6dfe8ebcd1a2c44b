"""router: picks the way out for one pass of a message, and says why."""
