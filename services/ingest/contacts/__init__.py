"""Contacts: the recipients that a workspace knows, their attributes and events, and the fields that attributes have."""
