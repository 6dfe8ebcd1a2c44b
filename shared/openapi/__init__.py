"""The OpenAPI document (3.1) of what a process serves: pieces for the services' routes, and the whole of it."""
