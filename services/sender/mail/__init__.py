"""The DKIM signature over a message."""
