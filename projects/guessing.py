"""Holds up who guesses passwords: failed sign-ins are counted by user name and address together, and by address.

While Valkey is away nobody is held up: people need to sign in just then, and checking a password takes 0.2 s anyway.
"""

import hashlib
import ipaddress
import logging
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

PER_USER = 8  # failures of one name from one address
PER_ADDRESS = 60  # failures from one address, whatever the names
WINDOW = 15 * 60  # seconds that a failure counts


@dataclass(frozen=True, slots=True)
class Guesser:
    """Somebody who tries to sign in. Names and addresses are kept as digests only."""

    username: str
    address: str

    def held_up(self) -> bool:
        """Whether there were too many failures within the last quarter of an hour."""
        limits = {self._pair: PER_USER, self._place: PER_ADDRESS}
        try:
            counts = cache.get_many(limits)
        except RedisError as error:
            logger.warning("failed sign-ins are not counted, as Valkey is away: %s", error)
            return False
        return any(counts.get(key, 0) >= limit for key, limit in limits.items())

    def failed(self) -> None:
        try:
            for key in (self._pair, self._place):
                _count(key)
        except RedisError as error:
            logger.warning("a failed sign-in was not counted, as Valkey is away: %s", error)

    def succeeded(self) -> None:
        """Forget the failures of this name; those of the address stay."""
        try:
            cache.delete(self._pair)
        except RedisError as error:
            logger.warning("failed sign-ins were not forgotten, as Valkey is away: %s", error)

    @property
    def _pair(self) -> str:
        return _key(f"{self.username.lower()}\0{_whose(self.address)}")

    @property
    def _place(self) -> str:
        return _key(_whose(self.address))


def _whose(address: str) -> str:
    """One person has one IPv4 address, but 2^64 of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found), 64), strict=False))


def _key(text: str) -> str:
    return f"sign-in:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _count(key: str) -> None:
    cache.add(key, 0, WINDOW)
    try:
        cache.incr(key)
    except ValueError:  # it ran out between both calls
        cache.set(key, 1, WINDOW)
