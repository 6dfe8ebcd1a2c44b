"""`/v1/queue`: what waits, and what may be done with it."""
