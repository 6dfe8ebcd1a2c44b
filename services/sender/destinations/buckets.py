"""A token bucket whose rate may change. Pure: the clock is an argument, in seconds that only go forward."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """`rate` is tokens a second, of which `burst` may be saved up, and one at least."""

    rate: float
    burst: float
    at: float
    tokens: float = 1.0

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 where there is one."""
        self._fill(now)
        return 0.0 if self.tokens >= 1 else (1 - self.tokens) / self.rate

    def take(self, now: float) -> None:
        """Takes a token, on credit where there is none: what has to be done is paid for later."""
        self._fill(now)
        self.tokens -= 1

    def change(self, rate: float, burst: float, now: float) -> None:
        """A new rate from now on; nothing that was saved up goes beyond the new burst."""
        if (rate, burst) != (self.rate, self.burst):
            self._fill(now)
            self.rate, self.burst = rate, burst
            self._fill(now)

    def _fill(self, now: float) -> None:
        # a rounding error must not leave a caller waiting for a trillionth of a token
        filled = self.tokens + (now - self.at) * self.rate
        self.tokens = min(max(1.0, self.burst), 1.0 if 1 - 1e-9 <= filled < 1 else filled)
        self.at = now
