"""Counts the moments at which the tasks that serve one request let go of the process, and ends it.

Each suspension has two moments: when the task has just been suspended, so that what it waits for
was asked and not yet done, and when it is about to go on, so that it is done and nobody knows.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import ContextVar

_SERVING = ContextVar("serving", default=False)


class Tally:
    """Counts the moments of one request; at the one called ``fatal`` the process is killed.

    ``say`` is told each moment's name: where it is, and the how manieth there.
    """

    def __init__(self, fatal: str, say: Callable[[str], None]) -> None:
        self._fatal = fatal
        self._say = say
        self._seen: Counter[str] = Counter()

    def begin(self) -> None:
        """Count from now on what this task does, and the tasks that it makes."""
        _SERVING.set(True)

    def moment(self, kind: str, coroutine: Coroutine) -> None:
        if not _SERVING.get():
            return
        where = f"{kind} {_where(coroutine)}"
        self._seen[where] += 1
        name = f"{where} #{self._seen[where]}"
        self._say(name)
        if name == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have every task of the loop counted from now on."""
        loop.set_task_factory(
            lambda loop, coroutine, **kwargs: asyncio.Task(
                _Watched(coroutine, self), loop=loop, **kwargs
            )
        )


class _Watched(Coroutine):
    """A coroutine whose suspensions are told to a tally."""

    def __init__(self, coroutine: Coroutine, tally: Tally) -> None:
        self._coroutine = coroutine
        self._tally = tally
        self._suspended = False

    def send(self, value):
        return self._step(self._coroutine.send, value)

    def throw(self, *error):
        return self._step(self._coroutine.throw, *error)

    def close(self):
        self._coroutine.close()

    def __await__(self):
        return self._coroutine.__await__()

    def _step(self, step, *given):
        if self._suspended:
            self._tally.moment("resumed", self._coroutine)
        self._suspended = False
        waited_for = step(*given)
        self._suspended = True
        self._tally.moment("suspended", self._coroutine)
        return waited_for


def _where(coroutine: Coroutine) -> str:
    """The functions that wait for each other, the innermost last."""
    names = []
    inner = coroutine
    while (frame := getattr(inner, "cr_frame", None)) is not None:
        names.append(frame.f_code.co_qualname)
        inner = inner.cr_await
    return " > ".join(names[-4:])
