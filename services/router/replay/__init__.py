"""Past decisions made again: by the functions that made them, from what their events report, under other rules."""
