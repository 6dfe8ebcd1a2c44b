"""The tongues of other systems: each an adapter from their requests to the one of the core, and back to their replies.

No rule lives here. What a caller of those systems sees follows from their own published documents.
"""
