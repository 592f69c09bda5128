"""``triggers``: which alerts open tickets."""

from typing import Annotated

from pydantic import AfterValidator, Field

from shared.alertwords import AlertCondition
from shared.config.section import Section


class TriggerConfig(Section):
    """Says of the alerts for which ``when`` holds whether they ``open`` a ticket, and why."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    when: AlertCondition
    open: bool
    reason: Annotated[str, Field(max_length=500)] = ""


def _each_name_once(triggers: tuple[TriggerConfig, ...]) -> tuple[TriggerConfig, ...]:
    names = [trigger.name for trigger in triggers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the trigger {name!r} is there twice: decisions name their trigger")
    return triggers


#: Triggers in order, of which the first that is about an alert decides.
TriggerConfigs = Annotated[tuple[TriggerConfig, ...], AfterValidator(_each_name_once)]
