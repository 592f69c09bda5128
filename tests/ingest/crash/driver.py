"""Runs ingest again and again, and has it killed at each moment of a request in turn.

Run as ``python -m tests.ingest.crash.driver SCENARIO…``, with the settings of ingest in the
environment. The first process of a scenario lives, and tells which moments there are; then there is
one for each that was ever seen. What happened is written as a JSON line each.
"""

import asyncio
import http.client
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TextIO

from deploy.ports import free_port
from services.ingest.app import Settings, build
from tests.ingest.crash.scenarios import END, SCENARIOS, Scenario, Sent
from tests.ingest.crash.suspension import Tally

_DOOMED = "x-doomed"
_READY = "ready"
_TRIES = 3
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Life:
    """One process that took in a request, and was killed at the moment ``died_at``.

    That is empty where it was killed after it had answered. ``answers`` are the statuses of what
    it answered, and ``moments`` all that it lived through.
    """

    scenario: str
    instance: str
    died_at: str
    answers: tuple[int, ...]
    moments: tuple[str, ...]


def lives(scenario: str) -> Iterator[Life]:
    """A process for each moment; one that does not come when it is waited for is tried again."""
    tries = Counter({"": 1})
    died: set[str] = set()
    number = 0
    while fatal := [one for one, left in tries.items() if left and one not in died]:
        number += 1
        tries[fatal[0]] -= 1
        life = _live(scenario, f"{scenario}-{number}", fatal[0])
        died.add(life.died_at)
        tries.update({moment: _TRIES for moment in life.moments if moment not in tries})
        yield life


def _live(scenario: str, instance: str, fatal: str) -> Life:
    port = free_port(0)
    told, tell = os.pipe()
    # Nothing was opened yet, and there is no thread: the copy is as good as a new process.
    process = os.fork()
    if not process:
        _serve(port, fatal, tell)
    os.close(tell)
    with os.fdopen(told) as words:
        try:
            assert words.readline().strip() == _READY, "ingest did not start"
            answers, moments = _ask(port, SCENARIOS[scenario](instance), words)
        finally:
            # Also the one that has answered dies, and not in order.
            os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
        moments += words.read().splitlines()
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    died_at = fatal if fatal in moments else ""
    assert not died_at or moments[-1] == died_at, "it lived on"
    return Life(scenario, instance, died_at, tuple(answers), tuple(moments))


def _ask(port: int, scenario: Scenario, words: TextIO) -> tuple[list[int], list[str]]:
    """The statuses of all requests that were answered, and the first moment of the last one."""
    answers = [_status(_begun(port, sent), sent) for sent in scenario.before]
    last = _begun(port, scenario.last, {_DOOMED: "1"})
    # Its body comes only when it is waited for, so that this moment is there every time.
    first = words.readline().strip()
    with suppress(http.client.HTTPException, ConnectionError):
        answers.append(_status(last, scenario.last))
    return answers, [first]


def _begun(
    port: int, sent: Sent, headers: Mapping[str, str] | None = None
) -> http.client.HTTPConnection:
    """A request whose headers were sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
    connection.putrequest("POST", sent.path)
    length = {"Content-Length": str(len(sent.body))}
    for name, value in {**sent.headers, **length, **(headers or {})}.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection


def _status(connection: http.client.HTTPConnection, sent: Sent) -> int:
    with closing(connection):
        connection.send(sent.body)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def _serve(port: int, fatal: str, tell: int) -> None:
    """Be an ingest that dies; never returns."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(word: str) -> None:
        os.write(tell, f"{word}\n".encode())

    try:
        asyncio.run(_run(port, Tally(fatal, say), say))
    finally:
        os._exit(1)


async def _run(port: int, tally: Tally, say: Callable[[str], None]) -> None:
    service = build(Settings(ingest_port=port))
    served = service.api

    async def doomed(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == END:
            await _end(service.database, await receive(), send)
            return
        if any(name == _DOOMED.encode() for name, _ in scope.get("headers", ())):
            tally.begin()
        await served(scope, receive, send)

    service.api = doomed
    tally.watch(asyncio.get_running_loop())
    running = asyncio.create_task(service.run())
    started = asyncio.create_task(service.started.wait())
    await asyncio.wait((running, started), return_when=asyncio.FIRST_COMPLETED)
    if started.done():
        say(_READY)
    await running


async def _end(database, request, send) -> None:
    """Resolve the tickets of an instance, as the verifier would."""
    resolved = {"state": "resolved", "resolved_at": datetime.now(UTC)}
    instance = {"alert.labels.instance": request["body"].decode()}
    await database.tickets.update_many(instance, {"$set": resolved})
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


if __name__ == "__main__":
    for named in sys.argv[1:]:
        for life in lives(named):
            sys.stdout.write(json.dumps(asdict(life)) + "\n")
            sys.stdout.flush()
