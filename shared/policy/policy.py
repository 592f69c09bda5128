"""A policy that can be asked: what stands in the file, and whom its teams mean."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Self
from zoneinfo import ZoneInfo

from shared.config.policy import PolicyConfig, Teams

_VERSION_LENGTH: Final = 12


@dataclass(frozen=True)
class Policy:
    """What a policy says.

    ``least`` people are asked for every step, whatever the rules say, because of ``least_because``.
    """

    config: PolicyConfig = field(default_factory=PolicyConfig)
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    least: int = 0
    least_because: str = ""

    @classmethod
    def cautious(cls, because: str) -> Self:
        """The policy where none can be read: it asks for everything."""
        return cls(least=1, least_because=because)

    @classmethod
    def of(cls, config: PolicyConfig, teams: Teams) -> Self:
        return cls(config, teams)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Whose clock its rules go by."""
        return ZoneInfo(self.config.timezone)

    @cached_property
    def version(self) -> str:
        """A hash of what it says; the same for the same policy, however it is written down."""
        said = self.config.model_dump_json(by_alias=True) + repr(sorted(self.teams.items()))
        return hashlib.sha256(said.encode()).hexdigest()[:_VERSION_LENGTH]

    @property
    def asks_for_last_hour(self) -> bool:
        """Whether what happened in the last hour matters to it."""
        caps = self.config.caps
        if caps.per_target_per_hour is not None or caps.per_runbook_per_hour is not None:
            return True
        conditions = [rule.when for rule in self.config.rules]
        conditions += [deny.when for deny in self.config.deny]
        return any("last_hour" in condition for condition in conditions if condition)
