"""What stands before the routes for people and programs: the door, the limit, and clear answers."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.ingest.api import place
from services.ingest.body import received
from services.ingest.counters import UNKNOWN, Counters
from services.ingest.door import Door, Stranger
from services.ingest.gate import Gate
from services.ingest.limit import Bucket, OverLimit
from services.ingest.refusal import Refusal, Why, over, turned_away

log = structlog.get_logger(__name__)

_ERRORS_TOLD = 10
_NO_JSON = "the body is no JSON"


def guarded(
    doors: Mapping[str, Door], buckets: Mapping[str, Bucket], gate: Gate, counters: Counters
) -> type[APIRoute]:
    """Routes that only those get to whom one of the doors is open; its name is their source.

    A stranger's body is not read, and nobody's without a limit. What is wrong is told without
    repeating it.
    """

    class Guarded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                source = UNKNOWN
                try:
                    source = _let_in(doors, request)
                    request.scope["state"] = {**request.scope.get("state", {}), "source": source}
                    return await take(source, request)
                except RequestValidationError as error:
                    return _refused(_misunderstood(error), source, counters)
                except HTTPException:
                    # FastAPI's for a body that is not even text, or nested too deeply.
                    return _refused(Refusal(400, _NO_JSON), source, counters)
                except OverLimit as limit:
                    return _refused(over(limit), source, counters)
                except Refusal as refusal:
                    return _refused(refusal, source, counters)

            async def take(source: str, request: Request) -> Response:
                bucket = buckets[source]
                bucket.look()
                async with received(request, source, gate) as body:
                    counters.read(source, body)
                    bucket.take_body()
                    try:
                        return await handle(_again(request, body))
                    except Refusal as refusal:
                        if refusal.why is Why.UNAVAILABLE:
                            bucket.give_back(1)
                        raise

            return answer

    return Guarded


def _let_in(doors: Mapping[str, Door], request: Request) -> str:
    """The source whose door is open for this request."""
    refusal = Refusal(404, "no source of kind `api` is under `sources` in handrail.yaml")
    client = request.client.host if request.client else ""
    for name, door in doors.items():
        try:
            door.knock(request.headers, client)
        except Stranger as stranger:
            refusal = turned_away(stranger)
        else:
            return name
    raise refusal


def _again(request: Request, body: bytes) -> Request:
    """The same request, whose body was read."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


def _misunderstood(error: RequestValidationError) -> Refusal:
    errors = error.errors()
    if errors[0]["type"] == "json_invalid":
        where, why = errors[0]["loc"][-1], errors[0]["ctx"]["error"]
        return Refusal(400, f"{_NO_JSON}: at character {where + 1}: {why}")
    problems = [f"{place(each['loc'][1:])}: {each['msg']}" for each in errors]
    return Refusal(422, problems[0], problems=tuple(problems[:_ERRORS_TOLD]))


def _refused(refusal: Refusal, source: str, counters: Counters) -> Response:
    counters.refused(source, refusal)
    log.warning("request.refused", source=source, status=refusal.status, reason=str(refusal))
    return JSONResponse(refusal.body, refusal.status, refusal.headers)
