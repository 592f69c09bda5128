"""Read-only commands, for checks and evidence: no claim, nothing kept on the target."""

from datetime import timedelta
from typing import Final

import stamina

from shared.connectors.protocol import Ended, TargetUnreachableError
from shared.connectors.scripts import script
from shared.connectors.sendable import UnsendableCommandError, sendable
from shared.connectors.shell import ARGUMENT_MOST, Output, Shell

KEPT: Final = 256 * 1024

_MARK: Final = "\x1ehandrail\n"


async def read(shell: Shell, command: str, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept at the target
    """See ``Connector.read``. A target that cannot be reached is tried again within the timeout."""
    if len(sendable(command)) > ARGUMENT_MOST:
        raise UnsendableCommandError(f"the command is longer than {ARGUMENT_MOST} bytes")
    async for attempt in stamina.retry_context(
        on=TargetUnreachableError, attempts=None, timeout=timeout, wait_max=0.5, wait_jitter=0.2
    ):
        with attempt:
            output = await _read(shell, command, timeout)
    if output.exit_code is None:
        raise TargetUnreachableError(f"no end after {timeout}", may_have_started=True)
    return Ended(output.exit_code, _own(output.stdout.text()), _own(output.stderr.text()))


async def _read(shell: Shell, command: str, limit: timedelta) -> Output:
    argv = ("sh", "-c", script("read"), "handrail-read", command, f"{limit.total_seconds():.2f}")
    return await shell(argv, kept=KEPT)


def _own(text: str) -> str:
    """What the command wrote, without what login files print before it."""
    before, mark, rest = text.partition(_MARK)
    return rest if mark else before
