"""The SMTP door: message submission (RFC 6409) over STARTTLS and implicit TLS (RFC 8314).

`server` listens, `session` leads one conversation over a wire of `shared/smtp`, `receiver` takes the message in.
"""
