"""The console: layout, session and assets of the pages that each service renders of what it owns."""
