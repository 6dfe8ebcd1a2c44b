"""Pictures of the console, of a stack with a day's mail of a shop: `make screenshots`."""
