"""Tracking: marks for links in what is stored, the links' own routes, and what their hits become."""
