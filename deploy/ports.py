"""Where servers may listen: the usual port, or another where that one is taken."""

import random
import socket
from collections.abc import Collection
from typing import Final

from shared.errors import SettingsError

LOCALHOST: Final = "127.0.0.1"

# Below the range that systems lend to outgoing connections, which would take the port in between.
_OTHERS: Final = range(20_000, 32_000)
_TRIES: Final = 200


def free_port(wanted: int, *, host: str = LOCALHOST, beside: Collection[int] = ()) -> int:
    """The wanted port, or another where that one is taken, 0, or among those chosen ``beside``.

    Raises:
        SettingsError: no port is free.
    """
    others = random.sample(_OTHERS, _TRIES)
    for port in (wanted, *others) if wanted else others:
        if port not in beside and is_free(port, host=host):
            return port
    raise SettingsError(f"no port is free on {host}")


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
