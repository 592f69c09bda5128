"""Looks with an instant query of Prometheus.

The answer's format: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from services.triage.looks.answer import Answer, NoValueError, sized
from services.triage.looks.http import NoAnswerError, get
from shared.config.evidence import PrometheusLook
from shared.events import ValueType
from shared.runbook.quoting import ValueRefusedError, checked
from shared.runbook.values import ITEMS_MOST, WrongTypeError, typed

DEFAULT: Final = "default"
_SHOWN: Final = 200

Sample = tuple[float, str]


class _Series(BaseModel):
    """``value`` is missing where the series has native histograms."""

    model_config = ConfigDict(extra="ignore")

    metric: dict[str, str]
    value: Sample | None = None


class _Vector(BaseModel):
    result_type: Literal["vector"] = Field(alias="resultType")
    result: tuple[_Series, ...]


class _Scalar(BaseModel):
    result_type: Literal["scalar"] = Field(alias="resultType")
    result: Sample


class _Other(BaseModel):
    result_type: Literal["matrix", "string"] = Field(alias="resultType")


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore")

    data: Annotated[_Vector | _Scalar | _Other, Field(discriminator="result_type")] | None = None
    error: str = ""


@dataclass(frozen=True)
class Server:
    """A Prometheus and the token that it wants, if any."""

    url: str
    bearer: SecretStr | None = None


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
        headers = {}
        if server.bearer is not None:
            headers["Authorization"] = f"Bearer {server.bearer.get_secret_value()}"
        url = f"{server.url.rstrip('/')}/api/v1/query"
        status, body = await get(self._client, url, params={"query": look.query}, headers=headers)
        try:
            said = _Said.model_validate_json(body)
        except ValidationError:
            raise NoAnswerError(f"it answered {status}, not as Prometheus does") from None
        return self._answer(look, _series(said, status))

    def _server(self, name: str | None) -> Server:
        if name is None and len(self._servers) == 1:
            return next(iter(self._servers.values()))
        server = self._servers.get(name or DEFAULT)
        if server is None:
            raise NoAnswerError(f"handrail.yaml has no server {name or DEFAULT} under prometheus")
        return server

    def _answer(self, look: PrometheusLook, series: tuple[_Series, ...]) -> Answer:
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

    def _label(self, series: _Series, name: str) -> str:
        value = series.metric.get(name, "")
        if not value:
            raise NoValueError(f"a series of the result has no label {name}")
        try:
            return self._mask(checked(value))
        except ValueRefusedError as refused:
            raise NoValueError(f"the label {name} {refused}") from refused


def _series(said: _Said, status: int) -> tuple[_Series, ...]:
    match said.data:
        case _Vector(result=series):
            return series
        case _Scalar(result=sample):
            return (_Series(metric={}, value=sample),)
        case _Other(result_type=kind):
            raise NoValueError(
                f"the query gives a {kind}: it has to give an instant vector or a scalar"
            )
    raise NoAnswerError(f"it answered {status}: {said.error or 'no data'}"[:_SHOWN])


def _number(series: _Series) -> float:
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
