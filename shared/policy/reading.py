"""Where the policy is written, and reading it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.config import Config, load_config
from shared.config.policy import PolicyConfig, people_mistakes
from shared.policy.policy import Policy
from shared.yamlsource import Source, SourceError, read_file

#: What is told of a file that is not there, so that it is told from an empty one.
_NOT_THERE: Final = b"\x00"


@dataclass(frozen=True)
class PolicyPlace:
    """``handrail.yaml``, if there is one, and the file that its ``policy`` names, if it does."""

    handrail: Path | None

    def read(self) -> Policy:
        """The policy as it is written now.

        Raises:
            SourceError: every mistake in it, or in ``handrail.yaml``, with its line and column.
        """
        config = load_config(self.handrail)
        if isinstance(config.policy, PolicyConfig):
            return Policy.of(config.policy, config.teams)
        return policy_of(read_file(self.file(config.policy)), config)

    def file(self, named: str) -> Path:
        """A file that ``policy`` names; one without a leading slash is beside ``handrail.yaml``."""
        return (self.handrail or Path()).parent / named

    def files(self) -> tuple[Path, ...] | None:
        """The files that it is read from; None while ``handrail.yaml`` does not tell."""
        if self.handrail is None:
            return ()
        try:
            policy = load_config(self.handrail).policy
        except SourceError:
            return None
        own = (self.file(policy),) if isinstance(policy, str) else ()
        return (self.handrail, *own)


def policy_of(source: Source, config: Config) -> Policy:
    """The policy in a file of its own, for the people and teams of ``handrail.yaml``.

    Raises:
        SourceError: see ``PolicyPlace.read``.
    """
    policy = source.parse(PolicyConfig)
    emails = [person.email for person in config.people]
    wrong = people_mistakes(policy, config.teams, emails, config.schedules)
    problems = [source.problem(where, message) for where, message in wrong]
    if problems:
        raise SourceError(problems)
    return Policy.of(policy, config.teams)


def stamp(files: Iterable[Path]) -> str:
    """Changes whenever what stands in the files changes."""
    found = hashlib.sha256()
    for file in files:
        found.update(hashlib.sha256(_text(file)).digest())
    return found.hexdigest()


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return _NOT_THERE
