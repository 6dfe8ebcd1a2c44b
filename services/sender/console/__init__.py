"""The sender's pages of the console: what waits in the queue, and what can be done with it."""
