"""Finding messages: the terms that each is found by, and what a search wants of them."""
