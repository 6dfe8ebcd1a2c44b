"""Suppressions as CSV (RFC 4180): read a piece at a time, and written so that no cell is taken for a formula."""
