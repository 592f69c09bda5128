"""The one thing that a kind of target must be able to do: run a small program and hand back all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from shared.connectors.transcript import Capped

#: An argument longer than this is refused by Linux (128 KiB), less what quoting adds.
ARGUMENT_MOST: Final = 64 * 1024


@dataclass(frozen=True)
class Output:
    """What a program wrote. ``exit_code`` is None when it was killed or nobody told."""

    stdout: Capped
    stderr: Capped
    exit_code: int | None


class Shell(Protocol):
    """Programs on one target."""

    async def __call__(self, argv: Sequence[str], *, kept: int, stdin: bytes = b"") -> Output:
        """Run a program to its end; of each output at most ``kept`` bytes are kept.

        Raises:
            TargetUnreachableError: it could not be started or watched to its end.
            HostKeyChangedError: see there.
            LoginRefusedError: see there.
        """
        ...

    @property
    def patience(self) -> timedelta | None:
        """How long one program may stay where there is room for few at a time, else None."""
        ...
