"""What comes back by mail: bounces, complaints, read receipts and replies.

`addresses` makes the addresses that answers go to, `outgoing` puts them into what leaves. `server` and `session` are
the return door, `reports` reads what it was given, `decisions` says what that means, `receiver` makes it durable.
"""
