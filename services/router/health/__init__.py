"""How well each way out has worked lately, and what the recipients of each sending domain complain of.

`told` reads events, `counts` says what each counts for, `counting` adds them up in `slots` of time, `store/hours.py`
those by sending domain. `tallies` and `breaker` say what that means for a transport, `reputation` for a sending domain.
`judging` makes it so for all processes, and `view` is what a process that routes knows of it: a `Health`.
"""

from services.router.health.standing import UNTROUBLED, Health, Reputation, Standing, State

__all__ = ["UNTROUBLED", "Health", "Reputation", "Standing", "State"]
