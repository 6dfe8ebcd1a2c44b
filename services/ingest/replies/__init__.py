"""Replies to tracked mail: each is passed on, as a message of its own, to whom it was meant for."""
