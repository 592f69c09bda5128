"""Hands on an HTTP API: asks once, repeats only what may be repeated, and goes nowhere else."""

import asyncio
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, cast

import httpx
import stamina

from shared.calls.call import MalformedCallError
from shared.calls.families import parsed_as
from shared.config.targets.http import HttpTarget
from shared.connectors.http.egress import Resolve
from shared.connectors.http.expectation import unmet
from shared.connectors.http.line import Answer, Line
from shared.connectors.http.request import HttpCall, Request, request_of
from shared.connectors.protocol import (
    DryRun,
    Ended,
    Job,
    Lost,
    OnOutput,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.transcript import Transcript
from shared.errors import SettingsError
from shared.lifecycle import Effect

#: Of an answer so many bytes are kept; what is longer is read on, so that live output goes on.
KEPT: Final = 256 * 1024
#: What a cancelled job that sent nothing ends with, as a program that was told to end would.
_CANCELLED: Final = 143
_UNKNOWN: Final = "an answer to this key may have been lost: what the request did is not known"
_REPEATED: Final = frozenset({Effect.READ_ONLY, Effect.IDEMPOTENT})


@dataclass
class _Sending:
    """A request under way; ``sent`` is true as soon as its first byte may have left."""

    request: Request
    transcript: Transcript
    task: "asyncio.Task[object] | None" = None
    sent: bool = False
    cancelled: bool = False
    whole: bytearray = field(default_factory=bytearray)


class HttpConnector:
    """Requests to one API. A step's text is a call of ``shared.calls.http``."""

    def __init__(self, target: HttpTarget, *, resolve: Resolve | None = None) -> None:
        self._target = target
        self._line = Line(target, resolve)
        self._under_way: dict[str, _Sending] = {}
        self._never: set[str] = set()

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        call = _call(job.command)
        if job.key in self._never:
            return Ended(_CANCELLED, "", "it was cancelled before it was sent", cancelled=True)
        sending = self._sending(call, job.key, on_output)
        again = sending.request.safe or job.effect in _REPEATED
        self._under_way[job.key] = sending
        try:
            return await self._asked(call, sending, job.timeout, again=again)
        finally:
            self._under_way.pop(job.key, None)

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:  # noqa: ARG002 nothing comes any more
        """None where asking again is right; else nobody can say what became of the request."""
        if job.effect is Effect.ONCE and _call(job.command).effect is not Effect.READ_ONLY:
            return Lost(_UNKNOWN)
        return None

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept here
        call = _call(command)
        if call.effect is not Effect.READ_ONLY:
            raise MalformedCallError(f"a check only looks: use GET or HEAD, not {call.action}")
        outcome = await self._asked(call, self._sending(call, "", None), timeout, again=True)
        if isinstance(outcome, Lost):
            raise TargetUnreachableError(outcome.reason, may_have_started=True)
        return outcome

    async def dry_run(self, job: Job) -> DryRun | None:
        """The request as it would be sent."""
        return DryRun(self._request(_call(job.command), job.key).shown())

    async def cancel(self, key: str) -> bool:
        """A request that was sent cannot be taken back."""
        sending = self._under_way.get(key)
        if sending is None or sending.sent or sending.task is None:
            return False
        self._never.add(key)
        sending.cancelled = True
        sending.task.cancel()
        return True

    async def close(self) -> None:
        await self._line.close()

    def _sending(self, call: HttpCall, key: str, on_output: OnOutput | None) -> _Sending:
        return _Sending(self._request(call, key), Transcript.of(KEPT, on_output))

    def _request(self, call: HttpCall, key: str) -> Request:
        try:
            return request_of(call, self._target, key)
        except SettingsError as error:
            raise TargetUnusableError(str(error)) from error

    async def _asked(
        self, call: HttpCall, sending: _Sending, limit: timedelta, *, again: bool
    ) -> Ended | Lost:
        try:
            async with asyncio.timeout(limit.total_seconds()):
                sending.task = asyncio.current_task()
                answer = await self._answer(sending, limit, again=again)
        except TimeoutError:
            return _too_late(sending, limit, again=again)
        except asyncio.CancelledError:
            if not sending.cancelled:
                raise
            cast("asyncio.Task[object]", sending.task).uncancel()
            return Ended(_CANCELLED, "", "it was cancelled before it was sent", cancelled=True)
        except TargetUnreachableError as error:
            if again or not error.may_have_started:
                raise
            return Lost(f"{error}: what the request did is not known")
        await sending.transcript.finish()
        return _judged(call, sending, answer)

    async def _answer(self, sending: _Sending, limit: timedelta, *, again: bool) -> Answer:
        """The answer; what may be asked twice, or was not sent, is asked until there is one."""

        def repeated(error: Exception) -> bool:
            return isinstance(error, TargetUnreachableError) and (again or not sending.sent)

        async for attempt in stamina.retry_context(
            on=repeated,
            attempts=None,
            timeout=limit,
            wait_initial=0.1,
            wait_max=5.0,
            wait_jitter=0.2,
        ):
            with attempt:
                return await self._once(sending)
        raise TargetUnreachableError("there was no answer", may_have_started=sending.sent)

    async def _once(self, sending: _Sending) -> Answer:
        def leaves() -> None:
            sending.sent = True

        offset = 0
        try:
            async with self._line.asked(sending.request, leaves) as answer:
                async for data in answer.pieces():
                    await sending.transcript.stdout.absorb(offset, data)
                    sending.whole += data[: max(0, KEPT - len(sending.whole))]
                    offset += len(data)
                return answer
        except httpx.HTTPError as error:
            if _is_untrusted(error):
                raise TargetUnusableError(f"{sending.request.url}: {error}") from error
            reason = f"{sending.request.method} {sending.request.url}: {_said(error)}"
            raise TargetUnreachableError(reason, may_have_started=sending.sent) from error


def _call(command: str) -> HttpCall:
    return cast("HttpCall", parsed_as("http", command))


def _too_late(sending: _Sending, limit: timedelta, *, again: bool) -> Ended | Lost:
    seconds = f"{limit.total_seconds():g} s"
    if not sending.sent:
        raise TargetUnreachableError(f"not reached within {seconds}", may_have_started=False)
    if again:
        return Ended(1, sending.transcript.stdout.text(), f"no answer in {seconds}", timed_out=True)
    return Lost(f"there was no answer within {seconds}: what the request did is not known")


def _judged(call: HttpCall, sending: _Sending, answer: Answer) -> Ended:
    whole = answer.length <= len(sending.whole)
    text = bytes(sending.whole).decode(answer.charset, "replace")
    wrong = unmet(call.expect, answer.status, text, whole=whole)
    told = f"{sending.request.method} {sending.request.url} answered {answer.status}"
    told += f" ({answer.length} bytes{', ' + answer.kind if answer.kind else ''})"
    shown = sending.transcript.stdout.text()
    if "\0" in shown:
        shown = f"[{answer.length} bytes that are no text]"
    return Ended(1 if wrong else 0, shown, "\n".join((told, *wrong)))


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether the server's certificate is not to be trusted: trying again cannot help."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _said(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
