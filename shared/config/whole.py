"""All of ``handrail.yaml``, read and checked."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, HttpUrl, field_validator

from shared.config.maintenance import Maintenance
from shared.config.section import Section
from shared.config.sources import SourceConfig
from shared.config.targets import Target
from shared.config.tickets import TicketsConfig
from shared.config.triggers import TriggerConfigs
from shared.secrets import SecretRef
from shared.yamlsource import read_file


class Person(Section):
    """Somebody who is asked for approvals and told of outcomes."""

    name: str
    email: Annotated[str, Field(pattern=r"^[^@\s<>\",;]+@[^@\s<>\",;]+$")]


class PrometheusServer(Section):
    """A Prometheus, or anything that answers its query API."""

    url: HttpUrl
    bearer: SecretRef | None = None


class Config(Section):
    """All of ``handrail.yaml``; every part may be left out."""

    sources: dict[str, SourceConfig] = Field(default_factory=dict)
    tickets: TicketsConfig = TicketsConfig()
    triggers: TriggerConfigs = ()
    maintenance: Maintenance = ()
    people: tuple[Person, ...] = ()
    targets: dict[str, Target] = Field(default_factory=dict)
    prometheus: dict[str, PrometheusServer] = Field(default_factory=dict)

    @field_validator("people")
    @classmethod
    def _each_once(cls, people: tuple[Person, ...]) -> tuple[Person, ...]:
        emails = [person.email.lower() for person in people]
        for email in emails:
            if emails.count(email) > 1:
                raise ValueError(f"{email} is there twice: two approvals need two people")
        return people

    @field_validator("prometheus")
    @classmethod
    def _default_is_clear(cls, servers: dict[str, Any]) -> dict[str, Any]:
        if len(servers) > 1 and "default" not in servers:
            raise ValueError("of several servers, one must be called `default`")
        return servers


def load_config(path: Path | None) -> Config:
    """The configuration, or an empty one where there is no file.

    Raises:
        SourceError: the file is wrong; every mistake with its line and column.
    """
    if path is None:
        return Config()
    return read_file(path).parse(Config)
