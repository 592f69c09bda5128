"""Where servers may listen: the usual port, or another where that one is taken."""

import os
import random
import re
import socket
from collections.abc import Collection
from typing import Final

from shared.errors import SettingsError

LOCALHOST: Final = "127.0.0.1"

#: The setting that says which ports are taken instead of the usual ones.
RANGE: Final = "HANDRAIL_PORTS"
# Below the range that systems lend to outgoing connections, which would take the port in between.
_USUAL_RANGE: Final = "20000-31999"
_LAST: Final = 65_535
_TRIES: Final = 200


def free_port(wanted: int, *, host: str = LOCALHOST, beside: Collection[int] = ()) -> int:
    """The wanted port, or another where that one is taken, 0, or among those chosen ``beside``.

    Where ``HANDRAIL_PORTS`` is set, a port outside of it is another one as well.

    Raises:
        SettingsError: no port is free, or ``HANDRAIL_PORTS`` is no range of ports.
    """
    only = os.environ.get(RANGE)
    allowed = _range(only or _USUAL_RANGE)
    others = random.sample(allowed, min(_TRIES, len(allowed)))
    for port in (wanted, *others) if wanted and (not only or wanted in allowed) else others:
        if port not in beside and is_free(port, host=host):
            return port
    raise SettingsError(f"no port is free on {host} between {allowed[0]} and {allowed[-1]}")


def is_free(port: int, *, host: str = LOCALHOST) -> bool:
    """Whether somebody could listen there just now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def answers(port: int, *, host: str = LOCALHOST) -> bool:
    """Whether somebody listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _range(written: str) -> range:
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", written)
    first, last = map(int, match.groups()) if match else (0, 0)
    if not 0 < first <= last <= _LAST:
        raise SettingsError(
            f"{RANGE}: {written!r} is no range of ports; write it as {_USUAL_RANGE}"
        )
    return range(first, last + 1)
