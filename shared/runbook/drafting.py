"""All that a runbook makes of an alert: parameters, steps, checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from shared.events import Alert, Check, Step
from shared.lifecycle import Severity
from shared.runbook.checks import checks
from shared.runbook.filling import fill, origins
from shared.runbook.rendering import Approve, rendered
from shared.runbook.runbook import Runbook
from shared.runbook.values import text_of

#: Where a parameter is from that a person said.
_SAID: Final = "whoever asked for it"
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class Draft:
    """A plan that nobody was asked about yet; see ``shared.events.PlanReady`` for the fields."""

    params: dict[str, str]
    values: dict[str, Any]
    origins: dict[str, str]
    steps: tuple[Step, ...]
    verify: tuple[Check, ...]
    timeout: timedelta | None = None


def draft(
    runbook: Runbook,
    alert: Alert,
    severity: Severity,
    *,
    approve: Approve,
    evidence: Mapping[str, Any] = _NOTHING,
    given: Mapping[str, Any] = _NOTHING,
) -> Draft:
    """What a runbook makes of an alert; nothing has an effect.

    ``given`` are parameters that a person said, which go before what the alert has.

    Raises:
        UnfilledError: the alert does not have what the runbook needs.
        UnrenderedError: a value cannot be put where it should.
    """
    params = fill(runbook, alert, evidence, given=given, giver=_SAID)
    made = rendered(runbook, alert, severity, params, approve=approve, evidence=evidence)
    sources = origins(runbook, alert, evidence) | dict.fromkeys(given, _SAID) | made.origins
    return Draft(
        params={name: text_of(value) for name, value in made.params.items()},
        values={name: value for name, value in made.params.items() if not isinstance(value, str)},
        origins={name: sources[name] for name in made.params},
        steps=made.steps,
        verify=checks(runbook, alert, params),
        timeout=runbook.content.timeout,
    )
