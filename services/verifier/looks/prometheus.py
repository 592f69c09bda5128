"""Looks at an instant query of Prometheus."""

import math
from collections.abc import Mapping

import httpx
from pydantic import ValidationError

from services.verifier.watch import Observation
from shared.events import PrometheusCheck
from shared.prometheus import DEFAULT, Answer, Other, Scalar, Series, Server, Vector, chosen

_SHOWN = 200


class PrometheusLook:
    """Asks a server of handrail.yaml; the one called ``default``, or the only one, unless named."""

    def __init__(self, client: httpx.AsyncClient, servers: Mapping[str, Server]) -> None:
        self._client = client
        self._servers = servers

    async def look(self, check: PrometheusCheck) -> Observation:
        server = chosen(self._servers, check.server)
        if server is None:
            name = check.server or DEFAULT
            return Observation(
                true=False, detail=f"handrail.yaml has no server {name} under prometheus"
            )
        try:
            answer = await self._client.post(
                server.query_url,
                data={"query": check.query},
                headers=server.headers,
            )
            return _observed(Answer.model_validate_json(answer.content), answer.status_code)
        except httpx.HTTPError as error:
            return Observation(true=False, detail=f"no answer: {type(error).__name__}: {error}")
        except ValidationError:
            return Observation(
                true=False, detail=f"answered {answer.status_code}, not as Prometheus does"
            )


def _observed(answer: Answer, status: int) -> Observation:
    match answer.data:
        case Vector(result=series):
            text = ", ".join(map(_shown, series))[:_SHOWN]
            return Observation(true=bool(series), detail=text or "the result is empty")
        case Scalar(result=(_, value)):
            number = float(value)
            true = number != 0 and not math.isnan(number)
            return Observation(true=true, detail=f"the result is {value}")
        case Other(result_type=kind):
            detail = f"the query gives a {kind}: it has to give an instant vector or a scalar"
            return Observation(true=False, detail=detail)
    return Observation(
        true=False, detail=f"answered {status}: {answer.error or 'no data'}"[:_SHOWN]
    )


def _shown(series: Series) -> str:
    """As Prometheus itself writes a series."""
    labels = {name: text for name, text in series.metric.items() if name != "__name__"}
    inside = ", ".join(f'{name}="{text}"' for name, text in labels.items())
    name = series.metric.get("__name__", "")
    value = "a histogram" if series.value is None else series.value[1]
    return f"{name}{{{inside}}} = {value}"
