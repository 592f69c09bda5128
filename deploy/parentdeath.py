"""Children that do not outlive a parent which had no chance to stop them."""

import ctypes
import os
import signal
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
# Loaded here: between fork and exec nothing may wait for a lock that another thread held.
_LIBC: Final = ctypes.CDLL(None)


def die_with(parent: int) -> Callable[[], None]:
    """What a child of ``parent`` runs before its program: Linux ends it when the parent dies.

    The kernel watches the thread that started the child, so start it from one that stays.
    """

    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
