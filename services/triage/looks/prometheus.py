"""Looks with an instant query of Prometheus."""

from collections.abc import Callable, Mapping
from typing import Final

import httpx
from pydantic import ValidationError

from services.triage.looks.answer import Answer, NoValueError, sized
from services.triage.looks.http import NoAnswerError, get
from shared.config.evidence import PrometheusLook
from shared.events import ValueType
from shared.prometheus import DEFAULT, Other, Scalar, Series, Server, Vector, chosen
from shared.prometheus import Answer as Said
from shared.runbook.quoting import ValueRefusedError, checked
from shared.runbook.values import ITEMS_MOST, WrongTypeError, typed

_SHOWN: Final = 200


class PrometheusLooks:
    """Asks a server of handrail.yaml; the one called ``default``, or the only one, unless named."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        servers: Mapping[str, Server],
        mask: Callable[[str], str],
    ) -> None:
        self._client = client
        self._servers = servers
        self._mask = mask

    async def look(self, look: PrometheusLook) -> Answer:
        server = self._server(look.server)
        status, body = await get(
            self._client, server.query_url, params={"query": look.query}, headers=server.headers
        )
        try:
            said = Said.model_validate_json(body)
        except ValidationError:
            raise NoAnswerError(f"it answered {status}, not as Prometheus does") from None
        return self._answer(look, _series(said, status))

    def _server(self, name: str | None) -> Server:
        server = chosen(self._servers, name)
        if server is None:
            raise NoAnswerError(f"handrail.yaml has no server {name or DEFAULT} under prometheus")
        return server

    def _answer(self, look: PrometheusLook, series: tuple[Series, ...]) -> Answer:
        if not series:
            raise NoValueError("the result is empty")
        if look.all:
            if len(series) > ITEMS_MOST:
                raise NoValueError(f"the result has {len(series)} series, {ITEMS_MOST} at most")
            if look.label is None:
                return Answer(sized([_number(one) for one in series]))
            return Answer(sized([self._label(one, look.label) for one in series]))
        detail = f"the first of {len(series)} series" if len(series) > 1 else ""
        first = series[0]
        value = _number(first) if look.label is None else self._label(first, look.label)
        return Answer(sized(value), detail)

    def _label(self, series: Series, name: str) -> str:
        value = series.metric.get(name, "")
        if not value:
            raise NoValueError(f"a series of the result has no label {name}")
        try:
            return self._mask(checked(value))
        except ValueRefusedError as refused:
            raise NoValueError(f"the label {name} {refused}") from refused


def _series(said: Said, status: int) -> tuple[Series, ...]:
    match said.data:
        case Vector(result=series):
            return series
        case Scalar(result=sample):
            return (Series(metric={}, value=sample),)
        case Other(result_type=kind):
            raise NoValueError(
                f"the query gives a {kind}: it has to give an instant vector or a scalar"
            )
    raise NoAnswerError(f"it answered {status}: {said.error or 'no data'}"[:_SHOWN])


def _number(series: Series) -> float:
    if series.value is None:
        raise NoValueError("the series is a histogram, which is no number")
    written = series.value[1]
    try:
        value = typed(written, ValueType.NUMBER)
    except WrongTypeError:
        raise NoValueError(f"the value is {written}, which is no number to reckon with") from None
    if isinstance(value, int | float):
        return value
    raise NoValueError(f"the value is {written}, which is no number to reckon with")
