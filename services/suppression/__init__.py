"""suppression: knows which addresses must not be mailed, and says so of every message."""
