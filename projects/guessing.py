"""Holds up who guesses passwords: failed sign-ins are counted by user name and address together, and by address."""

import hashlib
from dataclasses import dataclass

from django.core.cache import cache

PER_USER = 8  # failures of one name from one address
PER_ADDRESS = 60  # failures from one address, whatever the names
WINDOW = 15 * 60  # seconds that a failure counts


@dataclass(frozen=True, slots=True)
class Guesser:
    """Somebody who tries to sign in. Names and addresses are kept as digests only."""

    username: str
    address: str

    @property
    def _limits(self) -> dict[str, int]:
        pair = hashlib.sha256(f"{self.username.lower()}\0{self.address}".encode()).hexdigest()
        return {
            f"sign-in:{pair}": PER_USER,
            f"sign-in:{hashlib.sha256(self.address.encode()).hexdigest()}": PER_ADDRESS,
        }

    def held_up(self) -> bool:
        """Whether there were too many failures within the last quarter of an hour."""
        limits = self._limits
        counts = cache.get_many(limits)
        return any(counts.get(key, 0) >= limit for key, limit in limits.items())

    def failed(self) -> None:
        for key in self._limits:
            cache.add(key, 0, WINDOW)
            try:
                cache.incr(key)
            except ValueError:  # it ran out between both calls
                cache.set(key, 1, WINDOW)

    def succeeded(self) -> None:
        """Forget the failures of this name; those of the address stay."""
        cache.delete(next(iter(self._limits)))
