"""Who comes by HTTP, and how often something was done from there; counted in this process."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.requests import Request

# Counting must not fill the memory: with more than this, it begins anew.
_MOST: Final = 50_000
# A person's own provider gives out that much of IPv6.
_SUBNET: Final = 64


class Counts:
    """How often something was done in the present window, by what it is counted under."""

    def __init__(
        self, window: timedelta, now: Callable[[], datetime], *, most: int = _MOST
    ) -> None:
        self._window = window
        self._most = most
        self._now = now
        self._counts: Counter[str] = Counter()
        self._until = now()

    def add(self, key: str) -> int:
        """Count once more; how often it was now."""
        self._turn()
        self._counts[key] += 1
        return self._counts[key]

    def of(self, key: str) -> int:
        """How often it was."""
        self._turn()
        return self._counts[key]

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def seconds_left(self) -> int:
        """Until the counting begins anew, at least one."""
        return max(1, round((self._until - self._now()).total_seconds()))

    def _turn(self) -> None:
        now = self._now()
        if now >= self._until or len(self._counts) > self._most:
            self._counts.clear()
            self._until = now + self._window


def address_of(request: Request) -> str:
    """Whose address it came from, as far as a limit goes; nothing for this machine.

    This machine is commands, or a proxy that hides who comes.
    """
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    # Who listens on :: is told of IPv4 in this way.
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return ""
    if isinstance(address, IPv6Address):
        return f"{int(address) >> _SUBNET:x}/{_SUBNET}"
    return str(address)
