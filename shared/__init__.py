"""What the five services share; `shared` imports no service."""
