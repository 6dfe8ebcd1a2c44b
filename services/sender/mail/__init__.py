"""Messages as bytes: MIME composed from content, and the DKIM signature over it."""
