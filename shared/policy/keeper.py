"""The policy that is in force: read when its file changes, and never a wrong one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import structlog
from prometheus_client import CollectorRegistry, Gauge

from shared.policy.policy import Policy
from shared.policy.reading import PolicyPlace, stamp
from shared.yamlsource import SourceError

log = structlog.get_logger(__name__)

#: How often the files are looked at.
PAUSE: Final = timedelta(seconds=1)


class LastGood(Protocol):
    """See ``store.MongoLastGood``."""

    async def keep(self, policy: Policy, *, now: datetime) -> None: ...
    async def last(self) -> Policy | None: ...


class PolicyKeeper:
    """Keeps the last policy without mistakes in force.

    A wrong file is told in the log (``policy.refused``, each mistake with its line and column) and
    by the metric ``handrail_policy_refused``, and changes nothing. Where none was good since the
    start, the one counts that the store remembers; where that has none, everything is asked for.
    """

    def __init__(
        self,
        place: PolicyPlace,
        known: LastGood,
        *,
        registry: CollectorRegistry,
        now: Callable[[], datetime],
    ) -> None:
        self._place = place
        self._known = known
        self._now = now
        self._files: tuple[Path, ...] = (place.handrail,) if place.handrail else ()
        self._seen: str | None = None
        self._read: Policy | None = None
        self._policy = Policy.cautious("no policy has been read yet: a person has to agree")
        self._refused = Gauge(
            "handrail_policy_refused",
            "1 while the policy's file is wrong and an older policy is in force.",
            registry=registry,
        )

    @property
    def policy(self) -> Policy:
        """The policy that is in force."""
        return self._policy

    async def look(self) -> None:
        """Read the policy if its file is not what it was; a wrong one is refused.

        Raises:
            UnavailableError: the store does not answer; looking again mends it.
        """
        if stamp(self._files) == self._seen:
            return
        # While handrail.yaml does not tell, the file that it named is still looked at.
        self._files = self._place.files() or self._files
        seen = stamp(self._files)
        try:
            policy = self._place.read()
        except SourceError as error:
            await self._refuse(error)
        else:
            await self._accept(policy)
        self._seen = seen

    async def _accept(self, policy: Policy) -> None:
        self._policy = self._read = policy
        self._refused.set(0)
        rules = len(policy.config.rules)
        log.info("policy.loaded", version=policy.version, rules=rules)
        await self._known.keep(policy, now=self._now())

    async def _refuse(self, error: SourceError) -> None:
        self._refused.set(1)
        if self._read is None:
            self._policy = await self._known.last() or Policy.cautious(
                "the policy is wrong, and no good one is known: a person has to agree"
            )
        for problem in error.problems:
            log.error(
                "policy.refused",
                file=problem.file,
                line=problem.line,
                column=problem.column,
                reason=problem.message,
                in_force=self._policy.version,
                asks_for_everything=bool(self._policy.least),
            )
