"""What Prometheus answers to an instant query, and how a server of handrail.yaml is reached.

The format: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

DEFAULT: Final = "default"

Sample = tuple[float, str]


class Series(BaseModel):
    """``value`` is missing where the series has native histograms."""

    model_config = ConfigDict(extra="ignore")

    metric: dict[str, str]
    value: Sample | None = None


class Vector(BaseModel):
    """Any number of series."""

    result_type: Literal["vector"] = Field(alias="resultType")
    result: tuple[Series, ...]


class Scalar(BaseModel):
    """One number."""

    result_type: Literal["scalar"] = Field(alias="resultType")
    result: Sample


class Other(BaseModel):
    """What an instant query may also give, and nothing can be made of."""

    result_type: Literal["matrix", "string"] = Field(alias="resultType")


class Answer(BaseModel):
    """The whole answer; ``error`` says what is wrong where there is no data."""

    model_config = ConfigDict(extra="ignore")

    status: Literal["success", "error"]
    data: Annotated[Vector | Scalar | Other, Field(discriminator="result_type")] | None = None
    error: str = ""


@dataclass(frozen=True)
class Server:
    """A Prometheus and the token that it wants, if any."""

    url: str
    bearer: SecretStr | None = None

    @property
    def query_url(self) -> str:
        return f"{self.url.rstrip('/')}/api/v1/query"

    @property
    def headers(self) -> dict[str, str]:
        if self.bearer is None:
            return {}
        return {"Authorization": f"Bearer {self.bearer.get_secret_value()}"}


def chosen(servers: Mapping[str, Server], name: str | None) -> Server | None:
    """The server of that name; without one, the only server there is, or the default."""
    if name is None and len(servers) == 1:
        return next(iter(servers.values()))
    return servers.get(name or DEFAULT)
