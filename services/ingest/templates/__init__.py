"""Templates: their variables, their versions, and what they become for one recipient."""
