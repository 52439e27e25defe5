"""Guessed keys: how many unknown keys each client address may try, to protect the control plane."""

import ipaddress

_MOST_ADDRESSES = 20_000


class Guesses:
    """A token bucket for each address (of IPv6 each network of 64 bits), `per_minute` in size and refill; 0 for none.

    A key that must be introspected takes a token, and returns it if it proves valid. Known keys take none.
    """

    def __init__(self, per_minute: int) -> None:
        self._size = float(per_minute)
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, address: str, now: float) -> float:
        """0 where the key may be introspected; else the seconds until one may."""
        if not self._size:
            return 0.0
        subject = subject_of(address)
        level = self._level(subject, now)
        if level < 1.0:
            return (1.0 - level) * 60 / self._size
        self._keep(subject, level - 1.0, now)
        return 0.0

    def give_back(self, address: str, now: float) -> None:
        """The key was valid."""
        if self._size:
            subject = subject_of(address)
            self._keep(subject, min(self._size, self._level(subject, now) + 1.0), now)

    def _level(self, subject: str, now: float) -> float:
        level, since = self._levels.get(subject, (self._size, now))
        return min(self._size, level + (now - since) * self._size / 60)

    def _keep(self, subject: str, level: float, now: float) -> None:
        self._levels.pop(subject, None)
        if level < self._size:
            if len(self._levels) >= _MOST_ADDRESSES:
                del self._levels[next(iter(self._levels))]  # the one seen longest ago has refilled most
            self._levels[subject] = level, now


def subject_of(address: str) -> str:
    """What is counted as one client: the address itself, of IPv6 its network of 64 bits."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
