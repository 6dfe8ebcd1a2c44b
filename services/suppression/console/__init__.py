"""Suppression's pages of the console: who gets no mail and why, files in and out, and erasures."""
