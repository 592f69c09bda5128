"""All of ``handrail.yaml``, read and checked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, HttpUrl, field_validator

from shared.config.approvals import Approvals
from shared.config.channels import Channels, channel_mistakes
from shared.config.correlation import Correlation
from shared.config.credentials import bind_credentials, credential_mistakes
from shared.config.evidence import Evidence, EvidenceConfig, evidence_mistakes
from shared.config.execution import Execution
from shared.config.maintenance import Maintenance
from shared.config.policy import (
    Located,
    PolicyConfig,
    PolicySection,
    Teams,
    ZoneName,
    people_mistakes,
    team_mistakes,
)
from shared.config.routes import Routes, route_mistakes
from shared.config.schedules import Schedules, schedule_mistakes
from shared.config.section import Section
from shared.config.sources import ADDRESS, SourceConfig
from shared.config.targets import Target
from shared.config.targets.ssh import via_mistakes
from shared.config.tickets import TicketsConfig
from shared.config.triggers import TriggerConfigs
from shared.secrets import CredentialName, SecretRef
from shared.yamlsource import SourceError, read_file


class Person(Section):
    """Somebody who is asked for approvals and told of outcomes, in the times of ``timezone``.

    ``slack`` is a member's ID there, ``telegram`` the ID of the chat with the bot.
    """

    name: str
    email: Annotated[str, Field(pattern=ADDRESS)]
    slack: Annotated[str, Field(pattern=r"^[UW][A-Z0-9]+$")] | None = None
    telegram: int | None = None
    timezone: ZoneName = "UTC"


class PrometheusServer(Section):
    """A Prometheus, or anything that answers its query API."""

    url: HttpUrl
    bearer: SecretRef | None = None


class Config(Section):
    """All of ``handrail.yaml``; every part may be left out."""

    credentials: dict[CredentialName, SecretRef] = Field(default_factory=dict)
    sources: dict[str, SourceConfig] = Field(default_factory=dict)
    tickets: TicketsConfig = TicketsConfig()
    triggers: TriggerConfigs = ()
    maintenance: Maintenance = ()
    correlation: Correlation = ()
    evidence: Evidence = EvidenceConfig()
    people: tuple[Person, ...] = ()
    channels: Channels = Field(default_factory=dict)
    teams: Teams = Field(default_factory=dict)
    schedules: Schedules = Field(default_factory=dict)
    routes: Routes = ()
    policy: PolicySection = PolicyConfig()
    approvals: Approvals = Approvals()
    targets: dict[str, Target] = Field(default_factory=dict)
    execution: Execution = Execution()
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
    source = read_file(path)
    config = source.parse(Config)
    undeclared = evidence_mistakes(config.evidence, config.targets, config.prometheus)
    wrong = [*_nobody(config), *((("evidence", *where), message) for where, message in undeclared)]
    wrong += [(("targets", *where), message) for where, message in via_mistakes(config.targets)]
    wrong += credential_mistakes(config)
    problems = [source.problem(where, message) for where, message in wrong]
    if problems:
        raise SourceError(problems)
    bind_credentials(config)
    return config


def _nobody(config: Config) -> Iterator[Located]:
    """Whom teams and the policy name and who is not under ``people``."""
    emails = [person.email for person in config.people]
    for where, message in team_mistakes(config.teams, emails):
        yield ("teams", *where), message
    for where, message in channel_mistakes(config.channels, emails):
        yield ("channels", *where), message
    for where, message in schedule_mistakes(config.schedules, emails):
        yield ("schedules", *where), message
    lost = route_mistakes(
        config.routes,
        teams=config.teams,
        emails=emails,
        schedules=config.schedules,
        channels=config.channels,
    )
    for where, message in lost:
        yield ("routes", *where), message
    if isinstance(config.policy, PolicyConfig):
        asked = people_mistakes(config.policy, config.teams, emails, config.schedules)
        for where, message in asked:
            yield ("policy", *where), message
