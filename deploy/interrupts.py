"""Running until somebody says stop: Ctrl-C and SIGTERM end a command in order."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_stopped(main: Coroutine[Any, Any, None]) -> None:
    """Run to the end, or until the first signal, which cancels; later signals change nothing."""
    with asyncio.Runner() as runner:
        runner.run(_until_stopped(main))


async def _until_stopped(main: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.get_running_loop()
    work = asyncio.ensure_future(main)
    stopped = asyncio.Event()

    def stop() -> None:
        # A second cancellation would break off the stopping itself.
        if not stopped.is_set():
            stopped.set()
            work.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        await work
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
