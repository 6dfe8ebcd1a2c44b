"""`posthorn trace`: what happened to a message, step by step, through the API."""
