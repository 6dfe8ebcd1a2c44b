"""A complete Posthorn on one machine, without Docker."""
