"""Bounce rules as data: which class a refusal belongs to, and whether it is tried again."""
