"""Looks at an instant query of Prometheus.

The answer's format: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from services.verifier.watch import Observation
from shared.events import PrometheusCheck

DEFAULT = "default"
_SHOWN = 200

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


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    status: Literal["success", "error"]
    data: Annotated[_Vector | _Scalar | _Other, Field(discriminator="result_type")] | None = None
    error: str = ""


@dataclass(frozen=True)
class Server:
    """A Prometheus and the token that it wants, if any."""

    url: str
    bearer: SecretStr | None = None


class PrometheusLook:
    """Asks a server of handrail.yaml; the one called ``default``, or the only one, unless named."""

    def __init__(self, client: httpx.AsyncClient, servers: Mapping[str, Server]) -> None:
        self._client = client
        self._servers = servers

    async def look(self, check: PrometheusCheck) -> Observation:
        server = self._server(check.server)
        if server is None:
            name = check.server or DEFAULT
            return Observation(
                true=False, detail=f"handrail.yaml has no server {name} under prometheus"
            )
        headers = {}
        if server.bearer is not None:
            headers["Authorization"] = f"Bearer {server.bearer.get_secret_value()}"
        try:
            answer = await self._client.post(
                f"{server.url.rstrip('/')}/api/v1/query",
                data={"query": check.query},
                headers=headers,
            )
            return _observed(_Answer.model_validate_json(answer.content), answer.status_code)
        except httpx.HTTPError as error:
            return Observation(true=False, detail=f"no answer: {type(error).__name__}: {error}")
        except ValidationError:
            return Observation(
                true=False, detail=f"answered {answer.status_code}, not as Prometheus does"
            )

    def _server(self, name: str | None) -> Server | None:
        if name is None and len(self._servers) == 1:
            return next(iter(self._servers.values()))
        return self._servers.get(name or DEFAULT)


def _observed(answer: _Answer, status: int) -> Observation:
    match answer.data:
        case _Vector(result=series):
            text = ", ".join(map(_shown, series))[:_SHOWN]
            return Observation(true=bool(series), detail=text or "the result is empty")
        case _Scalar(result=(_, value)):
            number = float(value)
            true = number != 0 and not math.isnan(number)
            return Observation(true=true, detail=f"the result is {value}")
        case _Other(result_type=kind):
            detail = f"the query gives a {kind}: it has to give an instant vector or a scalar"
            return Observation(true=False, detail=detail)
    return Observation(
        true=False, detail=f"answered {status}: {answer.error or 'no data'}"[:_SHOWN]
    )


def _shown(series: _Series) -> str:
    """As Prometheus itself writes a series."""
    labels = {name: text for name, text in series.metric.items() if name != "__name__"}
    inside = ", ".join(f'{name}="{text}"' for name, text in labels.items())
    name = series.metric.get("__name__", "")
    value = "a histogram" if series.value is None else series.value[1]
    return f"{name}{{{inside}}} = {value}"
